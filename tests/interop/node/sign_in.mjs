// openid-client with a shared secret: sign-in, userinfo, refresh, introspection, revocation, sign-out.
import * as oidc from 'openid-client';
import { end, open, facts } from './facts.mjs';

const basic = oidc.ClientSecretBasic(facts.secret);
const config = await oidc.discovery(new URL(facts.issuer), facts.client_id, {}, basic, {
  execute: [oidc.allowInsecureRequests],
});
// ID Tokens are believed over TLS alone unless it is asked to look at the signatures.
oidc.enableNonRepudiationChecks(config);

const checks = {
  pkceCodeVerifier: oidc.randomPKCECodeVerifier(),
  expectedState: oidc.randomState(),
  expectedNonce: oidc.randomNonce(),
  maxAge: 600,
  idTokenExpected: true,
};
const asked = oidc.buildAuthorizationUrl(config, {
  redirect_uri: facts.redirect_uri,
  scope: 'openid email offline_access',
  prompt: 'consent',
  max_age: '600',
  state: checks.expectedState,
  nonce: checks.expectedNonce,
  code_challenge: await oidc.calculatePKCECodeChallenge(checks.pkceCodeVerifier),
  code_challenge_method: 'S256',
});

const tokens = await oidc.authorizationCodeGrant(config, await open(asked), checks);
const { sub, sid } = tokens.claims();
const userinfo = await oidc.fetchUserInfo(config, tokens.access_token, sub);
const fresh = await oidc.refreshTokenGrant(config, tokens.refresh_token);
const known = await oidc.tokenIntrospection(config, fresh.access_token);
await oidc.tokenRevocation(config, fresh.refresh_token);
const revoked = await oidc.tokenIntrospection(config, fresh.access_token);
const arrived = await open(
  oidc.buildEndSessionUrl(config, {
    post_logout_redirect_uri: facts.post_logout_redirect_uri,
    id_token_hint: tokens.id_token,
    state: 'over',
  }),
);

end({ sid, userinfo, same_sub: fresh.claims().sub === sub, known, revoked, arrived });
