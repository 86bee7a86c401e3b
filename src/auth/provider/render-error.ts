import type { KoaContextWithOIDC } from 'oidc-provider'
import { sayAccepted } from './accepted.ts'
import type { ProviderParts } from './provider-parts.ts'

type Told = { readonly error: string; readonly error_description?: string | undefined }

/** A page for a person whose app sent them, by the status that is set already. */
export const renderError =
  ({ errorPage }: Pick<ProviderParts, 'errorPage'>) =>
  (ctx: KoaContextWithOIDC, told: Told): void => {
    ctx.type = 'text/html; charset=utf-8'
    ctx.set(
      'Content-Security-Policy',
      "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; frame-ancestors 'none'",
    )
    ctx.body = errorPage({
      error: told.error,
      description: sayAccepted(ctx, told),
      status: ctx.status,
      language: ctx.get('accept-language'),
    })
    ctx.vary('accept-language')
  }
