/** Variables that remember which were asked for and are not there. */
export class Seen extends Map<string, string> {
  readonly missing = new Set<string>();

  override get(name: string): string | undefined {
    const value = super.get(name);
    if (value === undefined) this.missing.add(name);
    return value;
  }
}
