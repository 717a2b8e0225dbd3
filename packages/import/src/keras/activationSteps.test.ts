import { describe, expect, it } from 'vitest';
import { splitActivation } from './activationSteps.ts';

const keras3 = { module: 'keras', class_name: 'DTypePolicy', config: { name: 'float32' } };

describe('splitActivation', () => {
  it('leaves activations that layers have by name', () => {
    const config = { units: 3, activation: 'relu6' };
    expect(splitActivation(config, 'here')).toEqual({ config, steps: [] });
  });

  it.each([
    ['hard_silu', [{ kind: 'hardSwish' }]],
    ['leaky_relu', [{ kind: 'leakyRelu', slope: 0.2 }]],
    [{ class_name: 'function', config: 'hard_silu' }, [{ kind: 'hardSwish' }]],
    [{ class_name: 'function', config: 'tanh' }, [{ kind: 'activation', activation: 'tanh' }]],
    [{ class_name: 'function', config: 'linear' }, []],
    [{ class_name: 'ReLU', config: { max_value: 6 } }, [{ kind: 'relu', maxValue: 6 }]],
    [
      { class_name: 'LeakyReLU', config: { negative_slope: 0.5 } },
      [{ kind: 'leakyRelu', slope: 0.5 }],
    ],
    [{ class_name: 'Activation', config: { activation: 'hard_silu' } }, [{ kind: 'hardSwish' }]],
  ])('takes %j out', (activation, steps) => {
    expect(splitActivation({ units: 3, activation }, 'here')).toEqual({
      config: { units: 3 },
      steps,
    });
  });

  it('takes HardSigmoid as Keras 3 has it', () => {
    const { steps } = splitActivation({ dtype: keras3, activation: 'hard_sigmoid' }, 'here');
    expect(steps.map(({ kind }) => kind)).toEqual(['rescaling', 'relu', 'rescaling']);
  });

  it.each([
    [
      'hard_sigmoid',
      /^here: expected hard_sigmoid of a file that Keras 3 wrote, .*save the network again with Keras 3/,
    ],
    [
      { class_name: 'PReLU', config: {} },
      /^here: expected an activation by its name, or one of Activation, .*got PReLU; put a layer of that activation behind this one/,
    ],
    [
      { class_name: 'function', config: 'mish' },
      /^here: expected activation one of .*got mish; replace the activation/,
    ],
    [
      { class_name: 'ReLU', config: { threshold: 2 } },
      /^here: expected threshold 0, got 2; build the layer with threshold 0/,
    ],
    [
      { class_name: 'ReLU', config: { other: 2 } },
      /^here: expected fields that ReLU is known to have, got 'other'/,
    ],
  ])('refuses %j, with the way out', (activation, message) => {
    expect(() => splitActivation({ dtype: 'float32', activation }, 'here')).toThrow(message);
  });
});
