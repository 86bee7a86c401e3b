import { FhirError } from '../../fhir/error.ts'
import { listClientsToLaunch } from '../../storage/authorization/client-registration.ts'
import { type LaunchContext, mintLaunch } from '../../storage/authorization/launch.ts'
import type { Database } from '../../storage/database.ts'
import type { Choices } from '../request/patient-choice.ts'

/** Launches in which we are the EHR: our own pages open apps for the person who is signed in and the patient whose page it is. */
export type AppLaunches = {
  /** The apps that a person may open, by name. */
  readonly apps: (person: string) => Promise<readonly { readonly id: string; readonly name: string }[]>
  /**
   * Answers the URL to which to send the browser. After that, only this person can answer the app's request, once, within five minutes. Throws
   * `not-found` for an app that they cannot open, `forbidden` for a patient whom they may not choose.
   * https://hl7.org/fhir/smart-app-launch/app-launch.html#launch-app-ehr-launch
   */
  readonly open: (person: string, client: string, context: LaunchContext) => Promise<string>
}

type Parts = { readonly database: Database; readonly fhir: () => string; readonly choices: Choices }

export const openAppLaunches = ({ database, fhir, choices }: Parts): AppLaunches => ({
  apps: async person => (await listClientsToLaunch(database, person)).map(({ id, name }) => ({ id, name })),
  open: async (person, client, context) => {
    const app = (await listClientsToLaunch(database, person)).find(({ id }) => id === client)
    const [launchUri] = app?.metadata.launch_uris ?? []
    if (launchUri === undefined) throw new FhirError('not-found', 'There is no such app to open')
    if (context.patient !== undefined && !(await choices.includes(person, client, context.patient)))
      throw new FhirError('forbidden', 'This patient is not yours to choose')
    const url = new URL(launchUri)
    url.searchParams.set('iss', fhir())
    url.searchParams.set('launch', await mintLaunch(database, { person, client, context }))
    return url.href
  },
})
