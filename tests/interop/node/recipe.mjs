// openid-client as its printed recipe uses it: sign-in and sign-out.
import { end, open, facts } from './facts.mjs';

process.env.CURFEW_CLIENT_SECRET = facts.secret;
const { begin, finish, signOut } = await import(facts.recipe);

const { checks, address } = await begin();
const tokens = await finish(await open(address), checks);
const arrived = await open(signOut(tokens));

end({ claims: tokens.claims(), arrived });
