import { type Form, formKey } from './value.ts';

/** Numbers of keys in the order in which they are met. */
export class KeyNumbers {
  readonly keys: string[] = [];
  private readonly numbers = new Map<string, number>();

  of(key: string): number {
    const cached = this.numbers.get(key);
    if (cached !== undefined) return cached;
    this.numbers.set(key, this.keys.length);
    return this.keys.push(key) - 1;
  }
}

/** Numbers of forms, equal ones the same: keys that are made of them stay short. */
export class FormNumbers {
  private readonly byForm = new Map<Form, number>();
  private readonly byKey = new KeyNumbers();

  of(form: Form): number {
    let number = this.byForm.get(form);
    if (number === undefined) {
      number = this.byKey.of(formKey(form));
      this.byForm.set(form, number);
    }
    return number;
  }
}
