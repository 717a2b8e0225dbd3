import { describe, expect, it } from 'vitest';
import { checkedPrefix, Names } from './names.ts';

const nameOf = (wanted: string): string => new Names().of(wanted, 'conv');

describe('names of modules', () => {
  it.each([
    [
      'a word of Verilog-2001',
      ['automatic', 'rtranif0', 'showcancelled', 'noshowcancelled', 'use'],
    ],
    [
      'a word of SystemVerilog-2017',
      ['always_ff', 'soft', 'checker', 'nettype', 'untyped', 's_always'],
    ],
    [
      'a word of VHDL-2008',
      ['signal', 'component', 'block', 'fairness', 'default', 'architecture'],
    ],
    ['a word of C++', ['double', 'auto', 'template']],
    ['a word in other letters', ['Signal', 'REG', 'Automatic']],
    ['a file of the folder', ['testbench', 'TestBench', 'testbench_scores', 'xc7_models']],
    ['a file that Windows cannot have', ['con', 'NUL', 'lpt1']],
    [
      'a primitive or a cell',
      ['FDRE', 'SB_LUT4', 'LUT6_2', 'RAM64x18', 'dffeas', 'sg13g2_inv_1', 'rPLL'],
    ],
    ['a port of the top module', ['s_axis', 'm_axis']],
    ['what every object has', ['constructor', 'hasOwnProperty']],
  ])('are none that means something else: %s', (_, words) => {
    for (const word of words) expect(nameOf(word)).toBe(`m_${word}`);
  });

  it('stay as they are otherwise', () => {
    for (const name of ['conv1', 'Dense', 'fc_2', 'x', 'scores', 'Conv1'])
      expect(nameOf(name)).toBe(name);
  });

  it.each([
    ['3x3', 'conv_3x3'],
    ['свёртка', 'conv'],
    ['größe', 'gr_e'],
    ['', 'conv'],
    ['_', 'conv'],
    ['a__b', 'a_b'],
    ['_a_', 'a'],
    ['block.0/conv 1', 'block_0_conv_1'],
    ['hbnn_count7', 'hbnncount7'],
    ['my_hbnn_add3', 'my_hbnnadd3'],
    ['a\\', 'a'],
    ['__proto__', 'proto'],
    ['n'.repeat(300), 'n'.repeat(60)],
    [`${'n'.repeat(59)}_m`, 'n'.repeat(59)],
  ])('are of letters that every tool takes: %s', (wanted, name) => {
    expect(nameOf(wanted)).toBe(name);
  });

  it('have the prefix once, whatever they are made of', () => {
    const names = new Names(checkedPrefix('net1'));
    const conv = names.of('conv', 'conv');
    expect([conv, names.of(`${conv}_window`, 'window'), names.of('reg', 'conv')]).toEqual([
      'net1_conv',
      'net1_conv_window',
      'net1_m_reg',
    ]);
    expect(names.of('n'.repeat(300), 'conv')).toBe(`net1_${'n'.repeat(55)}`);
    expect(names.of('conv', 'conv')).toBe('net1_conv_2');
    expect([checkedPrefix('a_'), checkedPrefix('a'), checkedPrefix('')]).toEqual(['a_', 'a_', '']);
    for (const bad of ['1a', 'a__b', '_a', 'a-b', 'ä', 'a'.repeat(21), 'a b', '_'])
      expect(() => checkedPrefix(bad, '--prefix'), bad).toThrow('--prefix: expected a letter and');
    for (const taken of ['hbnn', 'HBNN_', 'testbench', 'sky130', 'altera'])
      expect(() => checkedPrefix(taken), taken).toThrow('prefix: expected one that begins no name');
  });

  it('differ in more than the case of letters', () => {
    const names = new Names();
    const given = [
      'conv',
      'Conv',
      'cOnv',
      'reg',
      'm_reg',
      'n'.repeat(61),
      'n'.repeat(62),
      'é',
      'ü',
    ];
    const all = given.map((name) => names.of(name, 'dense').toLowerCase());
    expect(new Set(all).size).toBe(given.length);
  });
});
