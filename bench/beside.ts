import { buildApp } from '../src/app.ts'
import { work } from '../src/cli/serve.ts'
import { readConfig } from '../src/config.ts'
import { openLog } from '../src/events/log.ts'
import { listen } from '../src/http/listen.ts'
import { secretKeyOf } from '../src/storage/secret/secret-key.ts'

// The server on the database of DATABASE_URL, which records requests or, for comparison, does not.
const config = readConfig()
const app = await buildApp({
  config,
  log: openLog(config.logLevel),
  databaseUrl: config.databaseUrl ?? '',
  secretKey: await secretKeyOf(config, () => {}),
  work,
  auditing: process.argv[2] === 'off' ? 'off' : 'on',
})
await listen(app, config)
process.once('SIGTERM', () => void app.close())
