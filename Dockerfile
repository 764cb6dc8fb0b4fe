# One image a service (target `service`, argument SERVICE), and one with the tools that look after the shop (target `tools`).
FROM node:24.21.0-trixie-slim AS node
WORKDIR /shop

# What decides which packages are installed. Copied from here, so that a change of source installs nothing again.
FROM node AS manifests
COPY . .
RUN find . -type f ! -name package.json ! -name 'pnpm-*.yaml' ! -path './patches/*' -delete

FROM node AS pnpm
RUN npm install --global --no-fund --no-update-notifier pnpm@12.21.0

FROM pnpm AS service-packages
ARG SERVICE
COPY --from=manifests /shop .
RUN --mount=type=cache,id=pnpm,target=/pnpm-store \
    pnpm install --prod --frozen-lockfile --store-dir /pnpm-store --filter "@sagamart/${SERVICE}..."

FROM pnpm AS tools-packages
COPY --from=manifests /shop .
RUN --mount=type=cache,id=pnpm,target=/pnpm-store \
    pnpm install --prod --frozen-lockfile --store-dir /pnpm-store \
      --filter '@sagamart/stack...' --filter '@sagamart/auditor...' --filter '@sagamart/bench...' --filter '@sagamart/e2e...'

FROM node AS running
ENV NODE_ENV=production \
    HOST=0.0.0.0 \
    NODE_OPTIONS="--max-old-space-size=256 --max-semi-space-size=4 --disable-warning=ExperimentalWarning"
# A volume that is mounted here belongs to the user of the process.
RUN install --directory --owner node --group node /data
USER node
# A node:slim image has neither curl nor wget.
HEALTHCHECK --interval=10s --timeout=10s --start-period=180s --start-interval=1s --retries=3 \
  CMD ["node", "--eval", "fetch(`http://127.0.0.1:${process.env.PORT}/readyz`).then(async (answer) => { console.log(await answer.text()); process.exitCode = answer.ok ? 0 : 1; }, (error) => { console.log(error.cause?.message ?? error.message); process.exitCode = 1; })"]
CMD ["node", "src/main.ts"]

FROM running AS tools
COPY --from=tools-packages /shop .
COPY infra infra
COPY packages packages
COPY services services
COPY docs/runbooks docs/runbooks
COPY e2e e2e

FROM running AS service
ARG SERVICE
COPY --from=service-packages /shop .
COPY packages/contracts/package.json packages/contracts/
COPY packages/contracts/src packages/contracts/src
COPY packages/telemetry packages/telemetry
COPY packages/service-kit packages/service-kit
COPY services/${SERVICE} services/${SERVICE}
WORKDIR /shop/services/${SERVICE}
