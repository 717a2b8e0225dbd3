import { type Ref, ref } from 'vue';

export interface FileChoice {
  /** The file input of the page. */
  readonly input: Ref<HTMLInputElement | undefined>;
  /** The file that was chosen just now. */
  take(): File | undefined;
  /** Whether the visitor has chosen nothing else since. */
  isLatest(file: File): boolean;
  /** Take the file's name out of the input, on its click too: a browser does not say that the file it has was chosen again. */
  empty(): void;
  /** Drop a file that is being read: the visitor has chosen something else. */
  forget(): void;
}

/** The file that a visitor chose last; it may be chosen again, after it was saved again. */
export function fileChoice(): FileChoice {
  const input = ref<HTMLInputElement>();
  let latest: File | undefined;
  const empty = (): void => {
    if (input.value) input.value.value = '';
  };
  return {
    input,
    take() {
      const file = input.value?.files?.[0];
      latest = file ?? latest;
      return file;
    },
    isLatest: (file) => file === latest,
    empty,
    forget() {
      latest = undefined;
      empty();
    },
  };
}
