import { headingOf, type TextPart, textParts } from '../../access/text-parts.ts'
import { FhirError } from '../../fhir/error.ts'
import { languageName } from '../../fhir/language.ts'
import { wordsFor } from '../../messages/catalogue.ts'
import { recordIn } from '../../studies/consent/own-record.ts'
import { toStudyAsked, withSources } from '../../studies/consent/own-study.ts'
import { readingServices } from '../../studies/consent/reading-services.ts'
import type { ChangeableStudy } from '../../studies/definition/study-change.ts'
import {
  draftAfter,
  draftOf,
  eachPart,
  isEmptyDraft,
  type TextDraft,
  withDraft,
  withPublished,
  writtenIn,
} from '../../studies/definition/study-text.ts'
import { textLanguage } from '../../studies/definition/study-words.ts'
import { textLanguages } from '../../studies/definition/text-part.ts'
import type { AddPage } from '../page/add-page.ts'
import { selectField } from '../page/choice-field.ts'
import { type Field, field, problemList } from '../page/form.ts'
import { html } from '../page/html.ts'
import { keepsTyped } from '../page/keeps-typed.ts'
import { besideWhatItSays, nowItSays } from '../page/said-meanwhile.ts'
import { requireSession } from '../page/signed-in.ts'
import { longForm, typed } from '../page/typed.ts'
import { langOf } from '../page/wording.ts'
import { givenState } from '../sharing/sharing-choice.ts'
import { studyFacts } from '../sharing/sharing-facts.ts'
import { asking } from '../sharing/sharing-shown.ts'
import { changing, notSaved, sendChangePage, studyOf } from './study-changing.ts'

type OfLanguage = { readonly Params: { readonly id: string; readonly language: string } }

/** The draft of a text, with a page for each language, and how patients will see it. */
export const studyTextDraftPage: AddPage = (server, options) => {
  const onRequest = requireSession
  const at = '/studies/:id/settings/text'
  server.get<OfLanguage>(`${at}/draft/:language`, { onRequest }, async (request, reply) => {
    const language = languageOf(request.params.language)
    const changeable = await studyOf(request, options, 'mayChange')
    const draft = draftIn(changeable)
    return sendChangePage(reply, changeable, {
      ...pageOf(language),
      fields: controls(draft, formOf(changeable, language)),
    })
  })
  server.post<OfLanguage>(`${at}/draft/:language`, { ...longForm, ...keepsTyped(options) }, async (request, reply) => {
    const language = languageOf(request.params.language)
    const changeable = await studyOf(request, options, 'mayChange')
    const draft = typedDraft(request.body, draftIn(changeable), formOf(changeable, language))
    const problems = partFields(draft, language)
    if (problems.some(({ problem }) => problem !== undefined))
      return sendChangePage(reply.code(422), changeable, {
        ...pageOf(language),
        notices: problemList(problems),
        fields: controls(draft, formOf(changeable, language)),
      })
    const outcome = await changing(request, options, changeable, study => withDraft(study, draft))
    if (outcome.kind === 'changed')
      return reply.redirect(
        `/studies/${changeable.id}/settings/text?done=${isEmptyDraft(draft) ? 'empty' : 'draft'}`,
        303,
      )
    const now = draftIn(outcome.now)
    return sendChangePage(reply.code(409), outcome.now, {
      ...pageOf(language),
      notices: notSaved,
      fields: controls(draft, formOf(changeable, language), now),
    })
  })
  server.get<OfLanguage>(`${at}/preview/:language`, { onRequest }, async (request, reply) => {
    const language = languageOf(request.params.language)
    const { study: stored, store, ...changeable } = await studyOf(request, options, 'mayChange')
    const draft = draftOf(stored)
    if (draft === undefined) throw new FhirError('not-found', 'There is no such preview')
    const words = wordsFor(language)
    const study = withPublished(stored, draft, options.codeClasses)
    const record = recordIn(store, options.registry, '')
    const shown = await toStudyAsked(options, { study, record, words })
    const services = await readingServices(options.accounts.database, changeable.id, { ...options, ...shown })
    const asked = { ...shown, services, lines: await withSources(options, shown) }
    return sendChangePage(
      reply,
      { study: stored, store, ...changeable },
      {
        title: 'As patients will see it',
        fields: [],
        before: html`<p>This is what a patient reads in ${languageName(language)}. This is only a preview: nothing can be sent.</p>
<fieldset disabled class="border rounded p-3" lang="${language}">
<legend class="fs-4"${langOf(asked.title, words)}>${asked.title.text}</legend>
<p>${words.say('study.asks', { organization: asked.organization.name })}</p>
${studyFacts(asked, words)}
<h2>${words.say('study.text')}</h2>
${asking(asked, words, { state: givenState(asked) }, '')}
</fieldset>`,
        after: html`<p><a href="/studies/${changeable.id}/settings/text">Back to the text</a></p>`,
      },
    )
  })
}

const languageOf = (code: string): string => {
  const language = textLanguages.find(one => one === code)
  if (language === undefined) throw new FhirError('not-found', 'There is no such page')
  return language
}

const draftIn = ({ study }: Pick<ChangeableStudy, 'study'>): TextDraft => draftOf(study) ?? draftAfter(study)

/** The language of a form, and whether it is the one in which it is chosen what a withdrawal does. */
type DraftForm = { readonly language: string; readonly isOwn: boolean }

const formOf = ({ study }: Pick<ChangeableStudy, 'study'>, language: string): DraftForm => ({
  language,
  isOwn: language === textLanguage(study),
})

const pageOf = (language: string) => ({
  title: `The text in ${languageName(language)}`,
  button: 'Save the draft',
})

const typedDraft = (body: unknown, { words, withdrawal }: TextDraft, { language, isOwn }: DraftForm): TextDraft => {
  const chosen = typed(body, 'promise')
  return {
    withdrawal: isOwn ? (promises.some(({ value }) => value === chosen) ? chosen : '') : withdrawal,
    words: {
      ...words,
      [language]: eachPart(part => tidy(typed(body, part))),
    },
  }
}

/** Leaves at most one empty line between paragraphs. */
const tidy = (text: string): string =>
  text
    .replaceAll('\r\n', '\n')
    .replace(/\n(?:[^\S\n]*\n){2,}/g, '\n\n')
    .trim()

const mostCharacters = 10_000

const partFields = (draft: TextDraft, language: string): readonly Field[] =>
  textParts.map(part => ({
    name: part,
    label: headingOf(part, 'en'),
    hint: hints[part],
    value: writtenIn(draft, language, part),
    autocomplete: 'off',
    rows: 6,
    isProse: true,
    language: language === 'en' ? undefined : language,
    optional: true,
    problem:
      writtenIn(draft, language, part).length > mostCharacters
        ? `At most ${mostCharacters} characters for “${headingOf(part, 'en')}”`
        : undefined,
  }))

const hints: Readonly<Record<TextPart, string>> = {
  'key-facts': 'What matters most for the decision, in a few sentences',
  'who-and-why': 'Everybody who receives data, including in other organizations, which data, and what it is needed for',
  duration: 'How long the study goes on, and how long data is kept',
  withdrawal: 'How to stop, and what happens then to what was shared',
  contact: 'A name, an address and a phone number',
}

const promises = [
  { value: '', label: 'Choose one' },
  { value: 'hide', label: 'The study sees nothing more of them, from that moment on' },
  { value: 'keep', label: 'The study gets nothing new, and keeps reading what came before' },
] as const

/** `now`: what somebody else has saved meanwhile. */
const controls = (draft: TextDraft, { language, isOwn }: DraftForm, now = draft) => [
  ...besideWhatItSays(partFields(draft, language), partFields(now, language)).map(field),
  ...(isOwn
    ? [
        selectField({
          name: 'promise',
          label: 'What a withdrawal does',
          hint:
            draft.withdrawal === now.withdrawal
              ? 'This applies to all languages, and is what the server will do: the words above have to say the same'
              : nowItSays(promises.find(({ value }) => value === now.withdrawal)?.label ?? ''),
          value: draft.withdrawal,
          choices: promises,
        }),
      ]
    : []),
]
