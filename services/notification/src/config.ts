import { baseConfig, loadConfig, messagingConfig, tokenConfig } from '@sagamart/service-kit/config';
import { Type } from 'typebox';

export const readConfig = () =>
  loadConfig(
    Type.Object({
      ...baseConfig,
      ...tokenConfig,
      ...messagingConfig,
      SMTP_URL: Type.Refine(
        Type.String({ pattern: '^smtps?://[^/]+$', description: 'the mail server, smtp://host:port' }),
        (text) => URL.canParse(text),
      ),
      MAIL_FROM: Type.String({ minLength: 1, default: 'Sagamart <orders@sagamart.example>' }),
    }),
  );
