import { randomBytes } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { calculateJwkThumbprint, exportJWK, exportPKCS8, generateKeyPair } from 'jose'
import { v7 as uuidv7 } from 'uuid'
import { hashPassword } from '../../accounts/password/password.ts'
import { type ClientApproval, registerApproved } from '../../auth/client/approved-clients.ts'
import { addAccount, openAccount, setPassword } from '../../storage/account/user-account.ts'
import type { Database } from '../../storage/database.ts'
import { writeOrThrow } from '../../storage/write-or-throw.ts'
import { ownScopeRules } from '../own-scope-rules.ts'
import { openOwnStores } from '../own-store.ts'
import { emailOf, staff } from './staff.ts'
import { participant, type Stage } from './stage.ts'

/** What `docs/apps.md` starts from: an app of each kind, and people who sign in: two who decide about the apps, and those who look after the rest. */
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
  /** Of the study that knows people by code. */
  readonly analyst: string
  readonly clinician: string
  readonly manager: string
  readonly officer: string
  readonly administrator: string
  /** The password of all of them. */
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
  const emails = {
    patient: emailOf(person),
    researcher: emailOf(staff.investigator),
    analyst: emailOf(staff.analyst),
    clinician: emailOf(staff.clinician),
    manager: emailOf(staff.dean),
    officer: emailOf(staff.officer),
    administrator: emailOf(operator),
  }
  await openAccount(database, emails.patient, await createPersonOf(database, person, [`Patient/${patient}`]))
  const account = { person: await createPersonOf(database, operator, []), email: emails.administrator }
  await addAccount(database, { ...account, isVerified: false, administrator: true })
  for (const email of Object.values(emails))
    await setPassword(database, await openAccount(database, email), await hashPassword(password), { proves: false })
  return { ...emails, password }
}

/** Whoever runs the installation, and works in none of its organizations. */
const operator = { given: 'Omar', family: 'Reyes' }

/**
 * Accepting an invitation links the account and the Patient, and the first administrator makes their own. Since nobody does so here, the server
 * itself does.
 */
const createPersonOf = async (
  database: Database,
  name: { readonly given: string; readonly family: string },
  links: readonly string[],
) => {
  const id = uuidv7()
  const openStoreAs = await openOwnStores(database)
  const store = openStoreAs({ principal: { kind: 'person', id } })
  const resource = {
    resourceType: 'Person' as const,
    active: true,
    name: [{ text: `${name.given} ${name.family}` }],
    ...(links.length > 0 && { link: links.map(reference => ({ target: { reference } })) }),
  }
  await writeOrThrow(store, { kind: 'create', id, resource })
  return id
}
