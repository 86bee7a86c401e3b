FROM node:24-slim

ENV NODE_ENV=production
WORKDIR /app

COPY package.json package-lock.json ./
# The image has its own Node; the one that npm scripts use elsewhere is not needed.
RUN npm ci --omit=dev && npm cache clean --force && rm -r node_modules/node

COPY capability capability
COPY fhir-profiles fhir-profiles
COPY sql sql
COPY src src

# Used only where DATABASE_URL is not set: the embedded PostgreSQL and the generated key stand in it.
ENV DATA_DIR=/data
RUN mkdir /data && chown node:node /data
VOLUME /data

USER node
ENV HOST=0.0.0.0 PORT=8080
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/healthz`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]

# Not through npm, so that SIGTERM reaches the server itself.
CMD ["node", "--max-semi-space-size=8", "--heap-growing-percent=75", "src/main.ts", "serve"]
