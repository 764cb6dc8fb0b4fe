/** The number that an option of the command line says. Throws when it is none, or not above 0. */
export function positive(option: string, text: string): number {
  const number = Number(text);
  if (Number.isFinite(number) && number > 0) return number;
  throw new Error(`${option} must be a number above 0, got ${text}.`);
}
