"""The signing keys as the other commands see them: one has to be there, and its private half too."""

from app.access.scope import every_union
from app.platform.clock import utc_now
from app.platform.database import Database
from app.platform.doctor import Finding, Level
from app.platform.settings import Settings
from app.platform.signing import KeyStore
from app.redemptions.actions.keys import ensure_key
from app.redemptions.queries import find_active_key

EVERYTHING = every_union("keys belong to the installation")


async def ensure_signing_key(settings: Settings, database: Database) -> bool:
    """Make and activate a key if none is active; tell whether none was."""
    async with database.transaction(EVERYTHING) as session:
        if await find_active_key(session) is not None:
            return False
        await ensure_key(session, KeyStore(settings.keys_dir), now=utc_now())
    return True


async def check_keys(settings: Settings, database: Database) -> Finding:
    """Return whether codes can be signed: one active key, and its private half where it should be."""
    async with database.transaction(EVERYTHING) as session:
        key = await find_active_key(session)
    if key is None:
        return Finding(Level.FAIL, "keys", "none is active; `grainline keys new`, then `keys activate`")
    try:
        private_key = KeyStore(settings.keys_dir).load(key.id)
    except (LookupError, ValueError, OSError) as error:
        return Finding(Level.FAIL, "keys", str(error))
    if private_key.public_key.raw != key.public_key:
        return Finding(Level.FAIL, "keys", f"key {key.id} in {settings.keys_dir} is not the database's")
    return Finding(Level.OK, "keys", f"key {key.id} is active")
