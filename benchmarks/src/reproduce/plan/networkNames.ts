import { networks } from './design.ts';

/** The name of a network in texts: "AlexNet-BN". */
export const networkName = (network: string): string =>
  networks.find((each) => each.network === network)?.name ?? network;
