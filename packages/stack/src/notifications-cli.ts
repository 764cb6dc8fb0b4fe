import { notificationsHelp, readMailRequest } from './mail-requests.ts';
import { runOperatorCli } from './operator-cli.ts';

await runOperatorCli({
  program: import.meta.filename,
  help: notificationsHelp,
  values: ['state', 'to', 'reason'],
  read: readMailRequest,
});
