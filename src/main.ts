import { Command } from 'commander'
import packageJson from '../package.json' with { type: 'json' }
import { auditCommand } from './cli/audit.ts'
import { changeEmailCommand } from './cli/change-email.ts'
import { clientCommand } from './cli/client.ts'
import { demoCommand } from './cli/demo.ts'
import { ehrCommand } from './cli/ehr.ts'
import { inviteCommand } from './cli/invite.ts'
import { keysCommand } from './cli/keys.ts'
import { migrateCommand } from './cli/migrate.ts'
import { reindexCommand } from './cli/reindex.ts'
import { secondFactorCommand } from './cli/second-factor.ts'
import { secretKeyCommand } from './cli/secret-key.ts'
import { serveCommand } from './cli/serve.ts'
import { tokenCommand } from './cli/token.ts'
import { isStartError } from './start-error.ts'

const commands = [
  serveCommand,
  migrateCommand,
  reindexCommand,
  tokenCommand,
  clientCommand,
  ehrCommand,
  keysCommand,
  secretKeyCommand,
  auditCommand,
  inviteCommand,
  changeEmailCommand,
  secondFactorCommand,
  demoCommand,
]

const program = new Command('sharewell')
  .description(packageJson.description)
  .version(packageJson.version)
  .showHelpAfterError()
for (const register of commands) register(program)

try {
  await program.parseAsync()
} catch (error) {
  if (!isStartError(error)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exit(1)
}
