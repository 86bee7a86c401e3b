/** Why a password or a code does not show that an account is somebody's. What is missing counts as no try. */
export type Doubt = 'missing' | 'wrong' | 'too-often'
