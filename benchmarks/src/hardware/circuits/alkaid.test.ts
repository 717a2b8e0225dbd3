import { random } from '@hbnn/core';
import { readCircuit } from '@hbnn/verilog';
import { expect, it } from 'vitest';
import { checkPeer, lackOfAlkaid } from './alkaid.ts';
import { circuitCases, modelOf, peerCaseOf } from './cases.ts';

const seed = 11;
const sums = (factor: number) => ({
  'peer.v': `module peer (input [3:0] model_inp, output [8:0] model_out);
  wire signed [4:0] less = $signed({3'b0, model_inp[1:0]}) - ${factor} * $signed({3'b0, model_inp[3:2]});
  assign model_out = {{2'b0, model_inp[1:0]} + {2'b0, model_inp[3:2]}, less};
endmodule
`,
});
const peer = {
  module: 'peer',
  outputs: [
    { signed: true, width: 5, shift: 1 },
    { signed: false, width: 4, shift: 0 },
  ],
};
const constantOne = {
  weights: Int16Array.from([2, -6, 1, 1]),
  outputs: 2,
  inputs: 2,
  inputBits: 2,
};

it('takes a circuit that makes the sums and refuses one that does not', async () => {
  const right = await readCircuit(sums(3), peer.module, 'gates');
  expect(checkPeer(right, peer, constantOne, random(seed, 'right'))).toBe(1028);
  const wrong = await readCircuit(sums(2), peer.module, 'gates');
  expect(() => checkPeer(wrong, peer, constantOne, random(seed, 'wrong'))).toThrow(
    /output 0: expected -?\d+ of inputs/,
  );
});

it('has matrices of the shape and widths that the cases name', () => {
  for (const each of circuitCases) {
    const { weights, outputs, inputs, inputBits } = peerCaseOf(modelOf(each, seed), each);
    expect(each.layer).toBe(`dense:${inputs}x${outputs}`);
    expect([weights.length, inputBits]).toEqual([inputs * outputs, each.inputBits]);
    const most = Math.max(...weights.map(Math.abs));
    expect(most).toBe({ '1': 1, '0/1': 3, '0.7/0.2/0.1': 7 }[each.mix ?? ''] ?? 127);
  }
});

it('says why alkaid cannot be run', () => {
  expect(lackOfAlkaid('no-such-python')).toMatch(/no-such-python could not be started/);
});
