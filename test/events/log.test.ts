import t from 'tap'
import { logEvents } from '../../src/events/log.ts'

t.test('a line says what happened with its values as they are, whatever letters they have', async t => {
  const said: unknown[] = []
  const note = (...entry: unknown[]) => void said.push(entry)
  const tell = logEvents({ info: note, warn: note, fatal: note } as Parameters<typeof logEvents>[0])
  tell({ kind: 'key-created', file: "/srv/$& and $'/secret.key" })
  tell({ kind: 'server-ready', address: 'https://sharewell.example' })
  t.same(said, [
    [
      { event: 'key-created', file: "/srv/$& and $'/secret.key" },
      "Made a new key in /srv/$& and $'/secret.key: back it up with the data",
    ],
    [
      { event: 'server-ready', address: 'https://sharewell.example' },
      'Sharewell is ready. Try https://sharewell.example/fhir/metadata',
    ],
  ])
})
