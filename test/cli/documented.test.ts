import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Command } from 'commander'
import t from 'tap'

const root = join(import.meta.dirname, '..', '..')
const page = await readFile(join(root, 'docs', 'commands.md'), 'utf8')
const folder = join(root, 'src', 'cli')

const program = new Command('sharewell')
for (const file of (await readdir(folder)).filter(name => name.endsWith('.ts'))) {
  const exported: Readonly<Record<string, unknown>> = await import(join(folder, file))
  for (const [name, register] of Object.entries(exported))
    if (name.endsWith('Command') && typeof register === 'function') register(program)
}

/** Commands that do something, by their full names. */
const leaves = (command: Command, above: readonly string[] = []): readonly (readonly [string, Command])[] =>
  command.commands.flatMap(one => {
    const name = [...above, one.name()]
    return one.commands.length > 0 ? leaves(one, name) : [[name.join(' '), one] as const]
  })
const commands = leaves(program)

const sections = new Map(
  [...page.matchAll(/^### `([^`]+)`\n([\s\S]*?)(?=^### |^## |$(?![\s\S]))/gm)].map(([, name = '', said = '']) => [
    name,
    said,
  ]),
)

t.test('docs/commands.md describes every command, and no other', async t => {
  t.ok(commands.length > 20, `${commands.length} commands`)
  t.same([...sections.keys()].toSorted(), commands.map(([name]) => name).toSorted())
})

t.test('it describes every option of each command, and no other', async t => {
  for (const [name, command] of commands) {
    const said = [...(sections.get(name) ?? '').matchAll(/`(--[a-z-]+)/g)].map(([, option = '']) => option)
    const known = command.options.map(({ long }) => long ?? '')
    t.same([...new Set(said)].toSorted(), known.toSorted(), name)
  }
})
