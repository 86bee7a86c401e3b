import { buildApp } from '../src/app.ts'
import { readConfig } from '../src/config.ts'
import { openLog } from '../src/events/log.ts'
import { listen } from '../src/http/listen.ts'
import { secretKeyOf } from '../src/storage/secret-key.ts'

// The server over DATABASE_URL, but that it records nothing: it is compared with.
const config = readConfig()
const app = await buildApp({
  config,
  log: openLog(config.logLevel),
  databaseUrl: config.databaseUrl ?? '',
  secretKey: await secretKeyOf(config, () => {}),
  auditing: 'off',
})
await listen(app, config)
process.once('SIGTERM', () => void app.close())
