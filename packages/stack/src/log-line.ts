import { prettyFactory } from 'pino-pretty';

const options = {
  translateTime: 'UTC:HH:MM:ss.l',
  // An error is its words; where in the code it came from is in the file.
  ignore: 'pid,hostname,service,err.stack',
  errorLikeObjectKeys: [],
  singleLine: true,
};
const plain = prettyFactory({ ...options, colorize: false });
const colored = prettyFactory({ ...options, colorize: true });

/** A line of a log for people: one fact, its time in UTC, what it is about. What is no JSON stays as it is. */
export function formatLine(line: string, { part, colors }: { part: string; colors: boolean }): string {
  const text = (colors ? colored : plain)(line).trimEnd();
  return part === '' ? text : `${part} ${text}`;
}
