import type { FastifyReply } from 'fastify'
import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import {
  changeSource,
  findNamedSources,
  makeSource,
  readSource,
  restoreSource,
  retireSource,
  type SaidSource,
  type Source,
  type SourceProblems,
  sourceProblems,
} from '../../studies/definition/source.ts'
import type { AddPage, PageOptions } from '../page/add-page.ts'
import { box, type Field, field, notice, postForm, problemList } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { type Html, html } from '../page/html.ts'
import { idByForm } from '../page/id-by-form.ts'
import { keepsTyped } from '../page/keeps-typed.ts'
import { type Alike, alikeNotice, alikeToAskAbout, anotherButton } from '../page/made-already.ts'
import { isOvertaken, overtaken } from '../page/overtaken.ts'
import { besideWhatItSays, nowItSays } from '../page/said-meanwhile.ts'
import { administratorOf } from '../page/shown-organization.ts'
import { requireSession } from '../page/signed-in.ts'
import { sendStaffPage } from '../page/staff-page.ts'
import { ticked, typed } from '../page/typed.ts'
import { nameOfSource } from './sources.ts'

type OfSource = { readonly Params: { readonly device: string } }

/** Administrators define the sources of data, and which kinds each delivers. */
export const sourcePage: AddPage = (server, options) => {
  const { codeClasses } = options
  const onRequest = requireSession
  server.get('/devices/new', { onRequest }, async (request, reply) => {
    await administratorOf(request, options)
    return sendSource(reply, options, { said: nothing, problems: {} })
  })
  server.post('/devices/new', keepsTyped(options), async (request, reply) => {
    const organizer = await administratorOf(request, options)
    const state = typedSource(request.body, options)
    if (isWrong(state)) return sendSource(reply.code(422), options, state)
    const found = await findNamedSources(organizer, state.said)
    const named = found.map(id => ({ id, name: state.said.name, address: `/devices/${id}` }))
    const alike = alikeToAskAbout(request, named)
    if (alike !== undefined) return sendSource(reply.code(409), options, { ...state, alike })
    await makeSource(organizer, idByForm(request), state.said, codeClasses)
    return reply.redirect('/devices?done=made', 303)
  })
  server.get<OfSource>('/devices/:device', { onRequest }, async (request, reply) => {
    const source = await readSource(await administratorOf(request, options), codeClasses, request.params.device)
    return sendSource(reply, options, { said: source, problems: {}, source })
  })
  server.post<OfSource>('/devices/:device', keepsTyped(options), async (request, reply) => {
    const organizer = await administratorOf(request, options)
    const source = await readSource(organizer, codeClasses, request.params.device)
    const state = typedSource(request.body, options)
    const version = typed(request.body, 'version')
    if (isWrong(state)) return sendSource(reply.code(422), options, { ...state, source: { ...source, version } })
    try {
      await changeSource(organizer, { id: source.id, version }, state.said, codeClasses)
      return reply.redirect('/devices?done=changed', 303)
    } catch (error) {
      if (!isOvertaken(error)) throw error
      const now = await readSource(organizer, codeClasses, source.id)
      return sendSource(reply.code(409), options, { ...state, source: now, isOvertaken: true })
    }
  })
  for (const [action, done, change] of [
    ['retire', 'retired', retireSource],
    ['restore', 'restored', restoreSource],
  ] as const)
    server.post<OfSource>(`/devices/:device/${action}`, { onRequest }, async (request, reply) => {
      const organizer = await administratorOf(request, options)
      const source = await readSource(organizer, codeClasses, request.params.device)
      try {
        await change(organizer, { id: source.id, version: typed(request.body, 'version') })
        return reply.redirect(`/devices?done=${done}`, 303)
      } catch (error) {
        if (!isOvertaken(error)) throw error
        const now = await readSource(organizer, codeClasses, source.id)
        return sendSource(reply.code(409), options, { said: now, problems: {}, source: now, isOvertaken: true })
      }
    })
}

type State = {
  readonly said: SaidSource
  readonly problems: SourceProblems
  /** Absent for a new one. */
  readonly source?: Source
  readonly isOvertaken?: boolean
  /** One with the same name that is there already. */
  readonly alike?: Alike
}

const nothing: SaidSource = { name: '', manufacturer: '', model: '', kinds: [] }

const typedSource = (body: unknown, { codeClasses }: PageOptions): State => {
  const known = new Set(codeClasses.kinds().map(({ key }) => key))
  const said = {
    name: typed(body, 'name'),
    manufacturer: typed(body, 'manufacturer'),
    model: typed(body, 'model'),
    kinds: ticked(body, 'kind').filter(key => known.has(key)),
  }
  return { said, problems: sourceProblems(said) }
}

const isWrong = ({ problems }: State): boolean => Object.keys(problems).length > 0

const sendSource = (reply: FastifyReply, { codeClasses }: PageOptions, state: State): FastifyReply => {
  const { source, isOvertaken = false, alike } = state
  const title = source === undefined ? 'Add a device or app' : nameOfSource(source)
  const token = ownToken(reply)
  const fields = textFields(state)
  return sendStaffPage(reply, {
    title,
    isProblem: isWrong(state) || isOvertaken || alike !== undefined,
    content: html`<h1>${title}</h1>
${source?.isRetired && html`<p><span class="badge text-bg-secondary">Retired</span> Studies can no longer start asking for it. Data from it stays, and so do consents.</p>`}
${isOvertaken && notice('problem', overtaken)}${alike && alikeNotice(alike, 'a device or app')}
${problemList(fields)}
${postForm(
  { action: `/devices/${source?.id ?? 'new'}`, token, hidden: { version: source?.version }, novalidate: true },
  html`${besideWhatItSays(fields, isOvertaken && source !== undefined ? textFields({ said: source, problems: {} }) : fields).map(field)}
${kindBoxes(state, codeClasses)}
<div class="d-flex flex-wrap gap-2">
<button class="btn btn-primary">${source === undefined ? 'Add' : 'Save'}</button>
${alike && anotherButton(alike)}
</div>`,
)}
${
  source &&
  html`<p><a href="/devices/${source.id}/policy">How strictly documents from it are checked</a></p>
${(source.isRetired ? restoring : retiring)(source, token)}`
}
<p><a href="/devices">Back to the devices and apps</a></p>`,
  })
}

const textFields = ({ said, problems }: State): readonly Field[] => [
  {
    name: 'name',
    label: 'Name',
    hint: 'The name people know it by: it is shown to them when they decide what to share.',
    value: said.name,
    problem: problemTexts[problems.name ?? ''],
    autocomplete: 'off',
  },
  {
    name: 'manufacturer',
    label: 'Manufacturer',
    hint: 'Optional',
    value: said.manufacturer,
    problem: problemTexts[problems.manufacturer ?? ''],
    autocomplete: 'off',
    optional: true,
  },
  {
    name: 'model',
    label: 'Model number',
    hint: 'Optional',
    value: said.model,
    problem: problemTexts[problems.model ?? ''],
    autocomplete: 'off',
    optional: true,
  },
]

const problemTexts: Readonly<Record<string, string>> = {
  missing: 'Enter a name',
  'too-long': 'Enter at most 200 characters',
}

const kindBoxes = ({ said, source, isOvertaken }: State, codeClasses: CodeClasses): Html => html`<fieldset class="mb-4">
<legend class="form-label fs-6 fw-semibold">Kinds of data that it delivers</legend>
<p class="form-text mt-0">They tell people what to expect, and limit nothing.</p>
${isOvertaken && source && !isSame(said, source) && html`<p class="form-text mt-0">${nowItSays(namesOf(source, codeClasses))}</p>`}
<div class="columns">${codeClasses
  .kinds()
  .map(({ key, display }) =>
    box({ type: 'checkbox', name: 'kind', value: key, label: display, isChosen: said.kinds.includes(key) }),
  )}</div>
</fieldset>`

const isSame = (one: SaidSource, other: SaidSource): boolean =>
  new Set(one.kinds).symmetricDifference(new Set(other.kinds)).size === 0

const namesOf = ({ kinds }: SaidSource, codeClasses: CodeClasses): string =>
  codeClasses
    .kinds()
    .flatMap(({ key, display }) => (kinds.includes(key) ? display : []))
    .join(', ')

type Shown = Pick<Source, 'id' | 'version'>

const retiring = ({ id, version }: Shown, token: string): Html => html`<h2>Retire it</h2>
<p>Studies can no longer ask for data from it. What came from it stays, and so does what people agreed to share. It can be restored.</p>
${postForm({ action: `/devices/${id}/retire`, token, hidden: { version } }, html`<button class="btn btn-outline-primary">Retire</button>`)}`

const restoring = ({ id, version }: Shown, token: string): Html => html`<h2>Restore it</h2>
<p>Studies can ask for data from it again.</p>
${postForm({ action: `/devices/${id}/restore`, token, hidden: { version } }, html`<button class="btn btn-outline-primary">Restore</button>`)}`
