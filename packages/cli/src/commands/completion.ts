import { chosenName } from '@hbnn/core';
import { Command } from 'commander';
import { quietFlag } from '../output.ts';

const shells = ['bash', 'zsh', 'fish'] as const;

export function completionCommand(): Command {
  return new Command('completion')
    .description('print a script that completes commands and options in a shell')
    .argument('<shell>', shells.join(', '))
    .option('--json', 'print an error as JSON')
    .option(...quietFlag)
    .addHelpText(
      'after',
      `
Examples:
  hbnn completion bash >> ~/.bashrc
  hbnn completion zsh >> ~/.zshrc
  hbnn completion fish > ~/.config/fish/completions/hbnn.fish`,
    )
    .action((shell: string, _, self: Command) => {
      const root = self.parent as Command;
      const script = scripts[chosenName(shell, shells, 'completion')](wordsOf(root));
      process.stdout.write(script);
    });
}

/** What may follow a command line, by its words without options: `datasets` has `list`, `fetch` and `--help`. */
type Words = readonly (readonly [path: string, words: readonly string[]])[];

function wordsOf(command: Command, path = ''): Words {
  const options = command.options.flatMap(({ long }) => long ?? []);
  const names = command.commands.map((one) => one.name());
  const below = command.commands.flatMap((one) =>
    wordsOf(one, path === '' ? one.name() : `${path} ${one.name()}`),
  );
  return [[path, [...names, ...options, '--help']], ...below];
}

const cases = (words: Words): string =>
  words.map(([path, next]) => `    '${path}') words='${next.join(' ')}' ;;`).join('\n');

/** The words before the cursor that name commands, joined by blanks, are the path. */
const bash = (words: Words): string => `# Completion of hbnn for bash.
_hbnn() {
  local word path='' words=''
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) break ;; esac
    path="\${path:+$path }$word"
  done
  case "$path" in
${cases(words)}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _hbnn hbnn
`;

const zsh = (words: Words): string => `# Completion of hbnn for zsh.
autoload -U +X bashcompinit && bashcompinit
${bash(words)}`;

const fish = (words: Words): string =>
  `# Completion of hbnn for fish.\n${words
    .map(([path, next]) => {
      const at =
        path === ''
          ? '__fish_use_subcommand'
          : `__fish_seen_subcommand_from ${path.split(' ').at(-1)}`;
      return `complete -c hbnn -n '${at}' -a '${next.join(' ')}'\n`;
    })
    .join('')}`;

const scripts: Readonly<Record<(typeof shells)[number], (words: Words) => string>> = {
  bash,
  zsh,
  fish,
};
