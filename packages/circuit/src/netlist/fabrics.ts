/** What logic becomes: look-up tables of a number of inputs, 0 in gates, and how sums are made for it. */
interface FabricFacts {
  readonly tableInputs: number;
  /** `xc7`: counters and carry chains of LUT6_2 and CARRY4; `gates`: full and half adders as plain gates. */
  readonly style: 'xc7' | 'gates';
}

/**
 * What a circuit is made of, for the generator, synthesis and estimates alike: Xilinx's tables of six inputs with their
 * carry chains, tables of four inputs, the gates of a cell library, and gates with the library's cell that adds three bits.
 */
export const fabrics = {
  lut6: { tableInputs: 6, style: 'xc7' },
  lut4: { tableInputs: 4, style: 'gates' },
  gates: { tableInputs: 0, style: 'gates' },
  adders: { tableInputs: 0, style: 'gates' },
} as const satisfies Readonly<Record<string, FabricFacts>>;

export type Fabric = keyof typeof fabrics;

/** How sums are made: of LUT6 and CARRY4 primitives, or of full and half adders as plain gates. */
export type AdderStyle = (typeof fabrics)[Fabric]['style'];

export const adderStyles = ['xc7', 'gates'] as const satisfies readonly AdderStyle[];

/** The fabric of each family of FPGAs. */
export const familyFabrics = {
  xc7: 'lut6',
  'ultrascale+': 'lut6',
  ultrascale: 'lut6',
  ecp5: 'lut4',
  ice40: 'lut4',
  gowin: 'lut4',
} as const satisfies Readonly<Record<string, Fabric>>;

export type Family = keyof typeof familyFabrics;
