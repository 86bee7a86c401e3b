import packageJson from '../../../package.json' with { type: 'json' }
import { recordingChange } from '../../accounts/organization/configuration-change.ts'
import { queryOf } from '../../http/fhir/presentation.ts'
import type { Backup } from '../../storage/installation/backup.ts'
import { readSystemState, type SystemState } from '../../storage/installation/system-state.ts'
import type { AddPage } from '../page/add-page.ts'
import { notice, postForm } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { type Html, html } from '../page/html.ts'
import { administratorOf } from '../page/shown-organization.ts'
import { requireSession } from '../page/signed-in.ts'
import { sendStaffPage } from '../page/staff-page.ts'
import { moment } from '../page/time.ts'

/** The state of the installation, for its administrators: figures, and nothing about anybody. */
export const systemPage: AddPage = (server, options) => {
  const { accounts, staffInvitations, backupDays } = options
  const onRequest = requireSession
  server.get('/system', { onRequest }, async (request, reply) => {
    await administratorOf(request, options)
    const state = await readSystemState(accounts.database)
    return sendStaffPage(reply, {
      title: 'System',
      content: html`<h1>System</h1>
<p><a href="/system/events">Events: who signed in, and who changed accounts, organizations, apps and the configuration</a></p>
<p><a href="/system/administrators">Administrators of the installation</a></p>
<p><a href="/system/apps">Apps and backend services: all that are registered here</a></p>
${queryOf(request).get('done') === 'retried' && notice('done', html`<p>What had failed is being sent again.</p>`)}
${clock(state)}
${reindexBegun(state)}
${versions(state)}
${storage(state)}
${queue(state, ownToken(reply))}
${backup(state, backupDays)}`,
    })
  })
  server.post('/system/retry', { onRequest }, async (request, reply) => {
    const { person } = await administratorOf(request, options)
    await recordingChange({ openStoreAs: accounts.openStoreAs, person }, async () => ({
      answer: await Promise.all([staffInvitations.retryFailed(), accounts.mail?.retryFailed()]),
      change: { action: 'U', told: 'What could not be sent is sent again', id: 'letters', details: {} },
    }))
    return reply.redirect('/system?done=retried', 303)
  })
}

const clock = ({ clock }: SystemState): Html | false =>
  clock !== undefined &&
  notice(
    'problem',
    html`<p>The clock of this server is ${clock.seconds} s ${clock.side} that of its database. Set both right: until then, a role or a token that is ended may go on for as long, or one that begins has to be waited for.</p>`,
  )

const reindexBegun = ({ reindexBegun }: SystemState): Html | false =>
  reindexBegun !== undefined &&
  notice(
    'warning',
    html`<p>A reindex was begun on ${moment(reindexBegun)} and has not come to its end. If none is under way any more, it was cut short: run <code>sharewell reindex</code> again. Until then, part of what was stored may be found as before it.</p>`,
  )

const versions = ({ version, startedAt, migrations }: SystemState): Html => {
  const { applied, known, last } = migrations
  const { rss, heapUsed } = process.memoryUsage()
  return html`<h2>Versions</h2>
<dl>
<dt>Sharewell</dt><dd>${packageJson.version}</dd>
<dt>Node.js</dt><dd>${process.versions.node}</dd>
<dt>PostgreSQL</dt><dd>${version}, since ${moment(startedAt)}</dd>
<dt>Migrations</dt><dd>${applied} of ${known}, the last is ${last}</dd>
<dt>This process started</dt><dd>${moment(new Date(Date.now() - process.uptime() * 1000))}</dd>
<dt>Memory</dt><dd>${bytesText(rss)}, of which ${bytesText(heapUsed)} is in use by JavaScript</dd>
</dl>`
}

const storage = ({ bytes, tables }: SystemState): Html => html`<h2>Storage</h2>
<p>The database takes ${bytesText(bytes)}. These are its largest tables; how many rows they have is an estimate.</p>
<div class="table-responsive" tabindex="0" role="region" aria-label="The largest tables"><table class="table">
<caption class="visually-hidden">The largest tables, and how many rows they have</caption>
<thead><tr><th scope="col">Table</th><th scope="col" class="text-end">Size</th><th scope="col" class="text-end">Rows</th></tr></thead>
<tbody>${tables.map(
  ({ name, bytes, rows }) =>
    html`<tr><th scope="row" class="fw-normal">${name}</th><td class="text-end text-nowrap">${bytesText(bytes)}</td><td class="text-end">${rows === undefined ? 'not counted' : counted(rows)}</td></tr>`,
)}</tbody>
</table></div>`

const queue = ({ jobs, letters }: SystemState, token: string): Html => html`<h2>Background work</h2>
${
  jobs === undefined
    ? html`<p>None has been done yet.</p>`
    : html`<div class="table-responsive" tabindex="0" role="region" aria-label="Queues"><table class="table">
<caption class="visually-hidden">How much work waits in each queue</caption>
<thead><tr><th scope="col">Queue</th><th scope="col" class="text-end">Waiting</th><th scope="col" class="text-end">Under way</th><th scope="col" class="text-end">Failed</th></tr></thead>
<tbody>${jobs.map(
        one =>
          html`<tr><th scope="row" class="fw-normal">${one.queue}</th><td class="text-end">${counted(one.waiting)}</td><td class="text-end">${counted(one.active)}</td><td class="text-end">${counted(one.failed)}</td></tr>`,
      )}</tbody>
</table></div>`
}
<p>E-mails and text messages waiting: ${counted(letters.waiting)}.${retrying(jobs)} Could not be sent in the last seven days: ${counted(letters.failed)}.</p>
${
  letters.failed > 0 &&
  postForm({ action: '/system/retry', token }, html`<button class="btn btn-primary">Send them again</button>`)
}`

const retrying = (jobs: SystemState['jobs'] = []): string | false => {
  const count = jobs.reduce((sum, one) => sum + (isOfMessages.has(one.queue) ? one.retrying : 0), 0)
  return (
    count > 0 &&
    ` Tried in vain so far, and tried again within a quarter of an hour: ${counted(count)} (the log says why).`
  )
}

const isOfMessages: ReadonlySet<string> = new Set(['invitation', 'letter', 'staff-invitation'])

const backup = ({ backups: { last, failed }, archive }: SystemState, days: number): Html => {
  const isOld = last === undefined || Date.now() - last.taken.getTime() > days * dayMs
  const hasFailedSince = failed !== undefined && (last === undefined || last.taken < failed.taken)
  return html`<h2>Backup</h2>
${isOld && notice('warning', html`<p>${last === undefined ? 'No backup is recorded.' : `The last backup that is recorded is more than ${days === 1 ? 'a day' : `${days} days`} old.`}</p>`)}
${hasFailedSince && notice('warning', html`<p>The newest backup has failed.</p>`)}
<dl>
<dt>Last backup</dt><dd>${last === undefined ? 'None is recorded' : told(last)}</dd>
${failed && html`<dt>The last that failed</dt><dd>${told(failed)}</dd>`}
</dl>
${(last ?? failed) && html`<p><a href="/system/events?kind=backups">All recorded backups</a></p>`}
<p>${archived(archive)}</p>
<p>This server makes no backups itself: whoever makes them records each by <code>sharewell backup record</code>. Back up the database together with the secret key, without which nothing that is sealed in it can be opened.</p>`
}

const dayMs = 86_400_000

const told = ({ taken, by, bytes, label, failed }: Backup): Html =>
  html`${moment(taken)}, ${ago(taken)}, by ${by}${bytes !== undefined && `, ${bytesText(bytes)}`}${label !== undefined && html`, <span class="text-break">${label}</span>`}${failed !== undefined && html`: <span class="text-break">${failed}</span>`}`

/** In the largest unit of which at least two have passed. */
const ago = (time: Date): string => {
  const minutes = Math.max(0, Math.floor((Date.now() - time.getTime()) / 60_000))
  const [unit, size] =
    minutes >= 2880 ? (['day', 1440] as const) : minutes >= 120 ? (['hour', 60] as const) : (['minute', 1] as const)
  return new Intl.RelativeTimeFormat('en').format(-Math.floor(minutes / size), unit)
}

const archived = ({ isOn, lastAt, failedAt }: SystemState['archive']): Html | string =>
  isOn
    ? html`PostgreSQL archives what is written${lastAt === null ? ', and has not archived anything yet' : html`, the last time ${moment(lastAt)}`}.${failedAt !== null && html` It last failed ${moment(failedAt)}.`}`
    : 'PostgreSQL archives nothing of what is written (archive_mode is off).'

const counted = (count: number): string => count.toLocaleString('en')

/** In units of 1024. */
const bytesText = (bytes: number): string => {
  const power = Math.min(Math.floor(Math.log2(Math.max(bytes, 1)) / 10), units.length - 1)
  return `${(bytes / 1024 ** power).toLocaleString('en', { maximumFractionDigits: power === 0 ? 0 : 1 })} ${units[power]}`
}

const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB']
