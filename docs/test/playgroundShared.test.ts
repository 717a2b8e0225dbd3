// What the playgrounds share and needs no browser: the address, the worker's jobs, files that do not come.
import { afterEach, describe, expect, it, vi } from 'vitest';
import { fetched, loadingFault } from '../components/shared/fetched.ts';
import { fileChoice } from '../components/shared/fileChoice.ts';
import type { JobOrder, JobReport, JobWorker } from '../components/shared/latestJob.ts';
import { LatestJob } from '../components/shared/latestJob.ts';
import { oneOf, readAddress, within, withState } from '../components/shared/urlState.ts';

afterEach(() => {
  vi.unstubAllGlobals();
});

describe('the address', () => {
  const start = { average: 1.4, rule: 'a', weights: '' };
  const allowed = { average: within(0, 8), rule: oneOf(['a', 'b']), weights: oneOf(['', 'x']) };
  const read = (query: string) => readAddress(new URLSearchParams(query), start, allowed);

  it('is read where it is allowed', () => {
    expect(read('average=2.5&rule=b&utm_source=mail&fbclid=1&ref=x')).toEqual({
      state: { average: 2.5, rule: 'b', weights: '' },
      refused: [],
      unused: [],
    });
    expect(read('average=.5').state.average).toBe(0.5);
  });

  it('is told which keys it knows, and that a key has one value', () => {
    expect(read('Average=2').refused).toEqual([
      'The address has Average, which this page does not know: expected average, rule or weights; the page ignores it.',
    ]);
    expect(read('a=1&b=2&c=3&d=4&e=5').refused).toEqual([
      'The address has a, b, c and 2 more, which this page does not know: expected average, rule or weights; the page ignores them.',
    ]);
    expect(read('average=2&average=3')).toEqual({
      state: start,
      refused: [
        'The address has average=2 and average=3: expected average once; the page starts from 1.4.',
      ],
      unused: [],
    });
  });

  it('takes numbers in decimal digits alone', () => {
    for (const text of ['0x2', '1e0', '%202', '+2', '2%0A', '0b1'])
      expect(read(`average=${text}`).refused, text).toEqual([
        expect.stringMatching(
          /^The address has average=.*: expected a number from 0 to 8 in decimal digits; the page starts from 1\.4\.$/s,
        ),
      ]);
  });

  it('says which of two parts wins, and leaves the other out', () => {
    const rules = { replaces: { weights: 'average' } } as const;
    const found = readAddress(new URLSearchParams('weights=x&average=7'), start, allowed, rules);
    expect(found).toEqual({
      state: { average: 1.4, rule: 'a', weights: 'x' },
      refused: [
        'The address has both weights and average: expected one of the two; the page uses weights=x.',
      ],
      unused: ['average'],
    });
    const address = new URL('https://x/?average=7&utm_source=mail');
    const state = { average: 7, rule: 'b', weights: 'x' };
    expect(withState(address, start, state, allowed, rules).search).toBe(
      '?utm_source=mail&rule=b&weights=x',
    );
    expect(withState(address, start, { ...state, weights: '' }, allowed, rules).search).toBe(
      '?average=7&utm_source=mail&rule=b',
    );
  });

  it('is written so that it can be read', () => {
    for (const average of [1e-7, 0.1, 2.45, 1 / 3]) {
      const { searchParams } = withState(
        new URL('https://x/'),
        start,
        { ...start, average },
        allowed,
      );
      expect(readAddress(searchParams, start, allowed).state.average).toBe(average);
    }
  });

  it.each([
    'average=',
    'average=9',
    'average=-1',
    'average=1e999',
    'average=NaN',
    'average=1,5',
    'rule=c',
    'rule=',
  ])('is refused with words: %s', (query) => {
    const { state, refused } = read(query);
    expect(state).toEqual(start);
    expect(refused).toHaveLength(1);
    expect(refused[0]).toMatch(
      /^The address has \w+=.*: expected (a number from 0 to 8|one of a, b); the page starts from (1.4|a)\.$/,
    );
  });

  it('takes no key that only objects have, and quotes no more than is needed', () => {
    const { state, refused } = read('__proto__=1&toString=2&constructor=3');
    expect(state).toEqual(start);
    expect(refused).toEqual([
      expect.stringContaining('__proto__, toString and constructor, which'),
    ]);
    expect(read(`${'k'.repeat(5000)}=1`).refused[0].length).toBeLessThan(200);
    expect(read(`rule=${'<b>'.repeat(5000)}`).refused[0].length).toBeLessThan(140);
  });
});

describe('the latest job', () => {
  class FakeWorker extends EventTarget implements JobWorker {
    readonly orders: JobOrder<string>[] = [];
    ended = false;
    postMessage(message: JobOrder<string>): void {
      this.orders.push(message);
    }
    terminate(): void {
      this.ended = true;
    }
    say(data: JobReport<string>): void {
      this.dispatchEvent(new MessageEvent('message', { data }));
    }
  }
  function started(patienceMs: number) {
    const workers: FakeWorker[] = [];
    const heard: string[] = [];
    const job = new LatestJob<string, string>(
      () => {
        const worker = new FakeWorker();
        workers.push(worker);
        return worker;
      },
      patienceMs,
      {
        hear: (news, latest) => heard.push(`${news}${latest ? '' : ' (old)'}`),
        end: (problem, lost) => heard.push(`end ${problem ?? ''}${lost ? ' lost' : ''}`.trim()),
      },
    );
    return { job, workers, heard };
  }
  const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

  it('of many asked for, does the first and the last', () => {
    const { job, workers, heard } = started(10_000);
    for (const order of ['a', 'b', 'c', 'd']) job.ask(order);
    const [worker] = workers;
    worker.say({ kind: 'news', id: 1, news: 'picture a' });
    worker.say({ kind: 'end', id: 1 });
    worker.say({ kind: 'news', id: 2, news: 'picture d' });
    worker.say({ kind: 'end', id: 2 });
    expect(worker.orders).toEqual([
      { kind: 'job', id: 1, order: 'a' },
      { kind: 'drop', id: 1 },
      { kind: 'job', id: 2, order: 'd' },
    ]);
    expect(heard).toEqual(['picture a (old)', 'picture d', 'end']);
    expect(workers).toHaveLength(1);
    job.stop();
  });

  it('replaces a worker that does not come to an end, and hears no more of it', async () => {
    const { job, workers, heard } = started(20);
    job.ask('a');
    job.ask('b');
    await wait(60);
    expect(workers.map(({ ended }) => ended)).toEqual([true, false]);
    workers[0].say({ kind: 'news', id: 1, news: 'late' });
    workers[1].say({ kind: 'problem', id: 2, text: 'no such rule' });
    expect(heard).toEqual(['end no such rule']);
    job.stop();
  });

  it('drops a job without ending its worker, which does the next one', () => {
    const { job, workers, heard } = started(10_000);
    job.drop();
    job.ask('a');
    job.ask('b');
    job.drop();
    const [worker] = workers;
    worker.say({ kind: 'news', id: 1, news: 'picture a' });
    worker.say({ kind: 'problem', id: 1, text: 'no matter' });
    expect(heard).toEqual([]);
    job.ask('c');
    job.drop();
    job.ask('d');
    worker.say({ kind: 'news', id: 2, news: 'picture c' });
    worker.say({ kind: 'end', id: 2 });
    worker.say({ kind: 'news', id: 3, news: 'picture d' });
    worker.say({ kind: 'end', id: 3 });
    expect(heard).toEqual(['picture d', 'end']);
    expect(workers.map(({ ended }) => ended)).toEqual([false]);
    expect(worker.orders.filter(({ kind }) => kind === 'job')).toHaveLength(3);
    job.stop();
  });

  it('replaces no worker while the browser is offline', async () => {
    vi.stubGlobal('navigator', { onLine: false });
    const { job, workers } = started(20);
    job.ask('a');
    job.ask('b');
    await wait(70);
    expect(workers.map(({ ended }) => ended)).toEqual([false]);
    vi.stubGlobal('navigator', { onLine: true });
    await wait(70);
    expect(workers.map(({ ended }) => ended)).toEqual([true, false]);
    job.stop();
  });

  it('starts anew after its worker was lost', () => {
    const { job, workers, heard } = started(1000);
    job.ask('a');
    job.ask('b');
    workers[0].dispatchEvent(new Event('error'));
    expect(heard).toEqual([
      'end its files could not be loaded; reload the page if this stays lost',
    ]);
    job.ask('c');
    expect(workers[1].orders).toEqual([{ kind: 'job', id: 2, order: 'c' }]);
    job.stop();
  });
});

describe('a file of the site', () => {
  const faultOf = (answer: () => Promise<Response>, onLine: boolean): Promise<string> => {
    vi.stubGlobal('navigator', { onLine });
    vi.stubGlobal('fetch', answer);
    return fetched('https://x/models/models.json', (found) => found.json()).then(
      () => 'none',
      loadingFault,
    );
  };
  const failed = () => Promise.reject(new TypeError('Failed to fetch'));

  it('that does not come is named, with what to do', async () => {
    expect(await faultOf(failed, false)).toBe(
      'the browser is offline and did not get models.json; check the connection and try again',
    );
    expect(await faultOf(failed, true)).toBe(
      'the file models.json did not come (Failed to fetch); check the connection and try again',
    );
    const missing = () => Promise.resolve(new Response('', { status: 404 }));
    expect(await faultOf(missing, true)).toBe(
      'the server answers 404 for models.json; try again later',
    );
    const login = () => Promise.resolve(new Response('<html>'));
    expect(await faultOf(login, true)).toMatch(/^the file models\.json did not come \(.*JSON/);
    expect(await faultOf(() => Promise.resolve(new Response('{}')), true)).toBe('none');
  });

  it('and a script that does not come is offline, where the browser is', () => {
    vi.stubGlobal('navigator', { onLine: false });
    expect(loadingFault(new TypeError('Failed to fetch dynamically imported module'))).toBe(
      'the browser is offline; check the connection and try again',
    );
  });
});

describe('a file of the visitor', () => {
  it('can be chosen again, and counts until another is chosen', () => {
    const { input, take, isLatest, empty, forget } = fileChoice();
    const [first, second] = ['a', 'b'].map((name) => new File([name], name));
    const element = { value: 'a', files: [first] };
    input.value = element as unknown as HTMLInputElement;
    expect(take()).toBe(first);
    // A click empties the input; the file is still read.
    empty();
    expect(element.value).toBe('');
    expect(isLatest(first)).toBe(true);
    element.files = [];
    expect(take()).toBeUndefined();
    expect(isLatest(first)).toBe(true);
    element.files = [second];
    take();
    expect([isLatest(first), isLatest(second)]).toEqual([false, true]);
    forget();
    expect(isLatest(second)).toBe(false);
  });
});
