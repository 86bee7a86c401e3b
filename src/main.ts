import { Command } from 'commander'
import packageJson from '../package.json' with { type: 'json' }
import { startLineOf } from './start-error.ts'

type Register = (program: Command) => void

/** In the order of the help. Each is read when it is asked for: the server takes a second that no other command should wait for. */
const commands = new Map<string, () => Promise<Register>>(
  Object.entries({
    serve: async () => (await import('./cli/serve.ts')).serveCommand,
    migrate: async () => (await import('./cli/migrate.ts')).migrateCommand,
    reindex: async () => (await import('./cli/reindex.ts')).reindexCommand,
    token: async () => (await import('./cli/token.ts')).tokenCommand,
    'revoke-token': async () => (await import('./cli/revoke-token.ts')).revokeTokenCommand,
    client: async () => (await import('./cli/client.ts')).clientCommand,
    ehr: async () => (await import('./cli/ehr.ts')).ehrCommand,
    keys: async () => (await import('./cli/keys.ts')).keysCommand,
    'secret-key': async () => (await import('./cli/secret-key.ts')).secretKeyCommand,
    audit: async () => (await import('./cli/audit.ts')).auditCommand,
    backup: async () => (await import('./cli/backup.ts')).backupCommand,
    invite: async () => (await import('./cli/invite.ts')).inviteCommand,
    'change-email': async () => (await import('./cli/change-email.ts')).changeEmailCommand,
    'second-factor': async () => (await import('./cli/second-factor.ts')).secondFactorCommand,
    demo: async () => (await import('./cli/demo.ts')).demoCommand,
  }),
)

const program = new Command('sharewell')
  .description(packageJson.description)
  .version(packageJson.version)
  .showHelpAfterError()
const asked = commands.get(process.argv[2] ?? '')
for (const load of asked === undefined ? commands.values() : [asked]) (await load())(program)

try {
  await program.parseAsync()
} catch (error) {
  const line = startLineOf(error)
  if (line === undefined) throw error
  process.stderr.write(`${line}\n`)
  process.exit(1)
}
