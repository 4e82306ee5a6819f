import { basename } from "node:path";
import { invalid, messageOf } from "../../base/error.ts";
import { addKernel, chooseKernel, fetchKernel, findKernel, listKernels } from "./kernels.ts";

const help = `Usage:  isle kernel COMMAND

List, add, fetch and choose the kernels of microVMs

Commands:
  ls                            List the kernels; the first is used
  use NAME                      Choose the kernel of microVMs that name none
  fetch                         Get Debian's kernel for clouds, unpacked without installing it
  add [--name NAME] VMLINUZ MODULES   Add a kernel image and the directory of its modules,
                                such as /boot/vmlinuz-6.1 /lib/modules/6.1
`;

/** `isle kernel`: works on this machine's own store, without the daemon. */
export async function kernelMain(args: readonly string[]): Promise<number> {
  try {
    process.stdout.write(await carryOut(args));
    return 0;
  } catch (error) {
    process.stderr.write(`isle kernel: ${messageOf(error)}\n`);
    return 1;
  }
}

async function carryOut([verb = "--help", ...words]: readonly string[]): Promise<string> {
  switch (verb) {
    case "ls":
      return ["NAME", ...listKernels(), ""].join("\n");
    case "use":
      chooseKernel(want(words, 1)[0]!);
      return `${words[0]}\n`;
    case "fetch":
      return `${await fetchKernel()}\n`;
    case "add":
      return `${await add(words)}\n`;
    case "--help":
      return help;
    default:
      throw invalid(`unknown command: isle kernel ${verb}: see isle kernel --help`);
  }
}

/** The initramfs is made at once, so that a directory without what a guest needs is noticed here. */
async function add(words: readonly string[]): Promise<string> {
  const named = words[0] === "--name" ? words[1] : undefined;
  const [image = "", modules = ""] = want(words[0] === "--name" ? words.slice(2) : words, 2);
  const name = addKernel(named ?? basename(modules), image, modules);
  return (await findKernel(name)).name;
}

function want(words: readonly string[], count: number): readonly string[] {
  if (words.length !== count) throw invalid("wrong number of words: see isle kernel --help");
  return words;
}
