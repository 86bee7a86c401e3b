import type { Prefer } from '../../interactions/interaction.ts'

/**
 * https://www.rfc-editor.org/rfc/rfc7240. Unknown preferences are ignored. "If any preference is specified more than once, only the first instance is
 * to be considered."
 */
export const parsePrefer = (header: string | undefined): Prefer => {
  const named = (header ?? '').split(/[,;]/).map((preference): [string, string] => {
    const [name = '', value = ''] = preference.split('=')
    return [name.trim().toLowerCase(), value.trim().replace(/^"(.*)"$/, '$1')]
  })
  const preferences = new Map(named.reverse())
  const answer = answers.find(one => one === preferences.get('return'))
  return {
    handling: preferences.get('handling') === 'lenient' ? 'lenient' : 'strict',
    ...(answer === undefined ? {} : { return: answer }),
    ...(preferences.has('respond-async') ? { respondAsync: true } : {}),
  }
}

const answers = ['minimal', 'representation', 'OperationOutcome'] as const
