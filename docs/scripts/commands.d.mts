/** The files of generated help, each with the words of its command. */
export declare const commands: Readonly<Record<string, readonly string[]>>;
