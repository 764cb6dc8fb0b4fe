import { runOperatorCli } from './operator-cli.ts';
import { paymentsHelp, readPaymentRequest } from './payment-requests.ts';

await runOperatorCli({
  program: import.meta.filename,
  help: paymentsHelp,
  values: ['state', 'refund', 'capture', 'declined', 'reason'],
  flags: ['voided'],
  read: readPaymentRequest,
});
