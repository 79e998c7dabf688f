# One image for the API and for workers: `serve` and `worker` are its commands.
FROM node:24-bookworm-slim AS console
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY console console
COPY schema/schema.graphql schema/
RUN node console/build/prepare.js

FROM node:24-bookworm-slim

WORKDIR /app
ENV NODE_ENV=production

COPY package.json package-lock.json ./
RUN npm pkg delete scripts.prepare && npm ci --omit=dev && npm cache clean --force

COPY bin bin
COPY src src
COPY schema schema
COPY workers workers
COPY migrations migrations
COPY --from=console /app/console/dist console/dist

# What the API and the workers share: the file store.
RUN mkdir /data && chown node:node /data
VOLUME /data
ENV HOLDFAST_DATA_DIR=/data HOST=0.0.0.0 PORT=4000

USER node
EXPOSE 4000
ENTRYPOINT ["node", "/app/bin/holdfast.js"]
CMD ["serve"]
