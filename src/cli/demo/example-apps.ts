import { randomBytes } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { calculateJwkThumbprint, exportJWK, exportPKCS8, generateKeyPair } from 'jose'
import { v7 as uuidv7 } from 'uuid'
import { hashPassword } from '../../accounts/password/password.ts'
import { type ClientApproval, registerApproved } from '../../auth/client/approved-clients.ts'
import { openAccount, setPassword } from '../../storage/account/user-account.ts'
import type { Database } from '../../storage/database.ts'
import { writeOrThrow } from '../../storage/write-or-throw.ts'
import { ownScopeRules } from '../own-scope-rules.ts'
import { openOwnStores } from '../own-store.ts'
import { emailOf, staff } from './staff.ts'
import { participant, type Stage } from './stage.ts'

/** What `docs/apps.md` starts from: an app of each kind, and people who sign in: two who decide about the apps, and a manager. */
export type ExampleApps = {
  readonly redirectUri: string
  /** Public, for patients. */
  readonly diary: string
  /** Confidential with a secret, for researchers. */
  readonly desk: { readonly id: string; readonly secret: string }
  /** A backend service with a key, whose private part is in the file. */
  readonly job: { readonly id: string; readonly keyFile: string; readonly kid: string }
  readonly patient: string
  readonly researcher: string
  readonly manager: string
  /** The password of all three. */
  readonly password: string
}

type Parts = { readonly database: Database; readonly dataDir: string }

export const openExampleApps = async (stage: Stage, { database, dataDir }: Parts): Promise<ExampleApps> => {
  const organization = stage.world.ids.organizations.metabolic
  const key = await makeKey(dataDir)
  const register = (approval: ClientApproval) =>
    registerApproved({ database, refusalOf: url => url, rules: ownScopeRules() }, approval)
  const diary = await register({ name: 'Heart diary', metadata: { ...ofPeople, token_endpoint_auth_method: 'none' } })
  const desk = await register({
    name: 'Study desk',
    organization,
    scope: 'user/Observation.rs user/Patient.rs',
    metadata: { ...ofPeople, launch_uris: [launchUri], token_endpoint_auth_method: 'client_secret_basic' },
  })
  const job = await register({
    name: 'Night job',
    organization,
    scope: 'system/Observation.rs system/Patient.rs',
    metadata: {
      grant_types: ['client_credentials'],
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [key.jwk] },
    },
  })
  return {
    redirectUri,
    diary: diary.client_id,
    desk: { id: desk.client_id, secret: desk.client_secret ?? '' },
    job: { id: job.client_id, keyFile: key.file, kid: key.kid },
    ...(await openAccounts(stage, database)),
  }
}

/** On the reader's own machine; nothing needs to listen there. */
const redirectUri = 'http://127.0.0.1:8765/back'
const launchUri = 'http://127.0.0.1:8765/launch'
const ofPeople = { redirect_uris: [redirectUri] }

const makeKey = async (dataDir: string) => {
  const { privateKey, publicKey } = await generateKeyPair('RS384', { modulusLength: 2048, extractable: true })
  const jwk = await exportJWK(publicKey)
  const kid = await calculateJwkThumbprint(jwk)
  const folder = join(dataDir, 'example-apps')
  const file = join(folder, 'night-job.pem')
  await mkdir(folder, { recursive: true })
  await writeFile(file, await exportPKCS8(privateKey), { mode: 0o600 })
  return { file, kid, jwk: { ...jwk, kid, alg: 'RS384', use: 'sig' } }
}

const openAccounts = async (stage: Stage, database: Database) => {
  const password = randomBytes(12).toString('hex')
  const { person, patient } = participant(stage, 'Ana')
  const researcher = emailOf(staff.investigator)
  const manager = emailOf(staff.dean)
  const people = [
    { email: emailOf(person), person: await createPersonOf(database, person, patient) },
    { email: researcher, person: undefined },
    { email: manager, person: undefined },
  ]
  for (const one of people)
    await setPassword(database, await openAccount(database, one.email, one.person), await hashPassword(password), {
      proves: false,
    })
  return { patient: emailOf(person), researcher, manager, password }
}

/** Accepting an invitation links the account and the Patient. Since nobody accepts one here, the server itself links them. */
const createPersonOf = async (database: Database, name: { given: string; family: string }, patient: string) => {
  const id = uuidv7()
  const openStoreAs = await openOwnStores(database)
  const store = openStoreAs({ principal: { kind: 'person', id } })
  const link = [{ target: { reference: `Patient/${patient}` } }]
  const resource = {
    resourceType: 'Person' as const,
    active: true,
    name: [{ text: `${name.given} ${name.family}` }],
    link,
  }
  await writeOrThrow(store, { kind: 'create', id, resource })
  return id
}
