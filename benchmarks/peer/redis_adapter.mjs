// Keeps what oidc-provider stores in Redis: a JSON text for each model, and sets for what must be found by others.
import { Redis } from 'ioredis';

const redis = new Redis(process.env.PEER_REDIS_URL);
// Models that are revoked by the grant they hang on.
const OF_GRANTS = new Set([
  'AccessToken', 'AuthorizationCode', 'RefreshToken', 'DeviceCode', 'BackchannelAuthenticationRequest',
]);

export class RedisAdapter {
  constructor(model) {
    this.model = model;
  }

  key(id) {
    return `${this.model}:${id}`;
  }

  async upsert(id, payload, expiresIn) {
    const write = redis.multi();
    const lifetime = expiresIn ? ['EX', expiresIn] : [];
    write.set(this.key(id), JSON.stringify(payload), ...lifetime);
    if (OF_GRANTS.has(this.model) && payload.grantId) {
      const grant = `grant:${payload.grantId}`;
      write.rpush(grant, this.key(id));
      if (expiresIn) write.expire(grant, expiresIn, 'GT');
    }
    if (payload.uid) write.set(`uid:${payload.uid}`, id, ...lifetime);
    if (payload.userCode) write.set(`userCode:${payload.userCode}`, id, ...lifetime);
    await write.exec();
  }

  async find(id) {
    const text = await redis.get(this.key(id));
    return text ? JSON.parse(text) : undefined;
  }

  async findByUid(uid) {
    const id = await redis.get(`uid:${uid}`);
    return id ? this.find(id) : undefined;
  }

  async findByUserCode(userCode) {
    const id = await redis.get(`userCode:${userCode}`);
    return id ? this.find(id) : undefined;
  }

  async consume(id) {
    const payload = await this.find(id);
    if (payload) {
      payload.consumed = Math.floor(Date.now() / 1000);
      await redis.set(this.key(id), JSON.stringify(payload), 'KEEPTTL');
    }
  }

  async destroy(id) {
    await redis.del(this.key(id));
  }

  async revokeByGrantId(grantId) {
    const grant = `grant:${grantId}`;
    const keys = await redis.lrange(grant, 0, -1);
    await redis.del(grant, ...keys);
  }
}
