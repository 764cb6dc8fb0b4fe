import { DockerfileParser, type Dockerfile, type From, type Instruction } from 'dockerfile-ast';
import { validate } from 'dockerfile-utils';

/** What Docker would refuse or warn of when it reads the file. */
export function dockerfileIsValid(text: string): string[] {
  return validate(text).map(
    ({ message, range }) => `line ${range.start.line + 1}: ${typeof message === 'string' ? message : message.value}`,
  );
}

/** Each image of the file is built from what is pinned, holds no secret and does not run as root. */
export function imagesAreSafe(text: string): string[] {
  const file = DockerfileParser.parse(text);
  const stages = file.getFROMs();
  const known = new Set(stages.map((stage) => stage.getBuildStage()));
  return [
    ...stages
      .filter((stage) => !known.has(stage.getImage()) && !/:v?\d+\.\d+\.\d+[\w.-]*$/.test(stage.getImage() ?? ''))
      .map((stage) => `FROM ${stage.getImage()} moves: pin an exact version`),
    ...file
      .getInstructions()
      .filter((instruction) => instruction.getKeyword() === 'ADD')
      .map((instruction) => `${instruction.getTextContent()}: COPY does not fetch`),
    ...[...file.getENVs(), ...file.getARGs().map((arg) => ({ getProperties: () => [arg.getProperty()] }))]
      .flatMap((instruction) => instruction.getProperties())
      .filter((property) => /password|secret|token|credential|(api|private)_?key/i.test(property?.getName() ?? ''))
      .map((property) => `${property?.getName()} stays in the image for everyone to read`),
    ...finalStages(file)
      .filter((stage) => ['root', '0', undefined].includes(userOf(file, stage)))
      .map((stage) => `image ${stage.getBuildStage()} runs as root: USER`),
  ];
}

/** Stages that no other stage continues or copies from: those that become images. */
function finalStages(file: Dockerfile): From[] {
  const used = new Set([
    ...file.getFROMs().map((stage) => stage.getImage()),
    ...file.getCOPYs().map((copy) => copy.getFromFlag()?.getValue() ?? null),
  ]);
  return file.getFROMs().filter((stage) => stage.getBuildStage() === null || !used.has(stage.getBuildStage()));
}

/** The last USER of a stage, or of the stage it continues. */
function userOf(file: Dockerfile, stage: From): string | undefined {
  const start = lineOf(stage);
  const end =
    file
      .getFROMs()
      .map(lineOf)
      .find((line) => line > start) ?? Infinity;
  const own = file
    .getInstructions()
    .findLast((found) => found.getKeyword() === 'USER' && lineOf(found) > start && lineOf(found) < end);
  if (own) return own.getArgumentsContent() ?? undefined;
  const base = file.getFROMs().find((other) => other.getBuildStage() === stage.getImage());
  return base && userOf(file, base);
}

function lineOf(instruction: Instruction): number {
  return instruction.getRange().start.line;
}
