import t from 'tap'
import { registerClient } from '../../src/storage/authorization/client.ts'
import { wordsOf } from '../support/browser.ts'
import { keepService } from '../support/keep-service.ts'
import { clients } from './callers.ts'
import * as facts from './facts.ts'
import { addPatientAccounts } from './own-studies.ts'
import { openSignedIn } from './signed-in.ts'
import { openNoLeakWorld } from './world.ts'

const world = await openNoLeakWorld()
const { server, database } = world
t.teardown(() => server.close())
t.setTimeout(280_000)
for (const client of clients) await registerClient(database, { name: client.id, ...client })
const patients = await addPatientAccounts(world)
for (const organization of ['lab', 'elsewhere'])
  await keepService(database, { id: `spy-${organization}`, scope: 'system/*.rs', organization })
const signedIn = openSignedIn(world)

/** Each line of who can see it now, without moments; undefined if there is no such list. */
const readersIn = (body: string): readonly string[] | undefined =>
  /<h2>Who c(?:an|ould) see it (?:now|on <time[^<]*<\/time>)<\/h2>\s*<ul>([\s\S]*?)<\/ul>/
    .exec(body)?.[1]
    ?.split('<li>')
    .slice(1)
    .map(line => wordsOf({ body: line }).replace(/, since .*$/, ''))

const everybody = /^Everybody who works at /
const staff = /no name given|\((?:A|An|Somebody) /
const spy = (organization: string) => new RegExp(`spy-${organization}, a service of `)
const readers: Readonly<Record<string, readonly RegExp[]>> = {
  'person-ann open': [everybody, staff, spy('lab')],
  'person-lou open': [everybody, staff, spy('lab')],
  'person-pat open': [everybody, staff, spy('lab')],
  'person-hal coded': [staff, spy('lab')],
  'person-jon foreign': [everybody, spy('elsewhere')],
  // The text that gil signed names one of the two who are its staff now.
  'person-gil naming': [staff, spy('lab')],
  'person-ida naming': [staff, staff, spy('lab')],
}

t.test(
  'who can see it now is told to those alone who share something, and names whom their consent reaches',
  async t => {
    for (const person of [...patients.keys(), ...facts.practitioners.map(id => `person-${id}`)]) {
      const { browser } = await signedIn(person)
      for (const { id } of facts.studies)
        for (const at of [`/sharing/${id}`, `/sharing/${id}/copy`, `/sharing/${id}/copy?file`]) {
          const { body } = await browser.get(at)
          const expected = readers[`${person} ${id}`]
          t.match(readersIn(body) ?? [], expected ?? [], `${person}: ${at}`)
          t.equal(readersIn(body)?.length, expected?.length, `${person}: ${at}`)
          t.notMatch(body, expected === undefined ? /New since you signed/ : /secret-/, `${person}: ${at}`)
        }
    }
  },
)
