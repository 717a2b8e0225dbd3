import { range } from './emitStream.ts';

/** The nets of a stream, as they are written where they are connected. */
export interface Link {
  readonly tdata: string;
  readonly tvalid: string;
  readonly tready: string;
}

export const linkOf = (name: string): Link => ({
  tdata: `${name}_tdata`,
  tvalid: `${name}_tvalid`,
  tready: `${name}_tready`,
});

/** Declare the nets of a stream. */
export const linkLines = (name: string, width: number): string[] => [
  `  wire ${range(width)} ${name}_tdata;`,
  `  wire ${name}_tvalid, ${name}_tready;`,
];

/** An instance of a module between two streams. */
export function instanceLine(module: string, name: string, from: Link, to: Link): string {
  const ports = (own: string, { tdata, tvalid, tready }: Link): string =>
    `.${own}_tdata(${tdata}), .${own}_tvalid(${tvalid}), .${own}_tready(${tready})`;
  return `  ${module} ${name} (\n      .aclk(aclk), .aresetn(aresetn),\n      ${ports('s_axis', from)},\n      ${ports('m_axis', to)});`;
}
