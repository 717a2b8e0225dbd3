// Opens the page of the queue at an address, and prints where it is: `openedDashboard.ts ADDRESS [PORT]`. A process of
// its own, as Vitest's conditions of imports give Express a dependency in a form that it does not take.
import { openDashboard, queueAddress } from '@hbnn/sweep';

const [address, port = '0'] = process.argv.slice(2);
try {
  const signal = new AbortController().signal;
  const { url } = await openDashboard(queueAddress(address), { port: Number(port), signal });
  console.log(url);
} catch (error) {
  console.log((error as Error).message);
  process.exit(2);
}
