"""What goes over the wire, as pydantic models."""

from sakuga.web.schemas.base import *  # noqa: F403
from sakuga.web.schemas.choose import *  # noqa: F403
from sakuga.web.schemas.clips import *  # noqa: F403
from sakuga.web.schemas.grids import *  # noqa: F403
from sakuga.web.schemas.jobs import *  # noqa: F403
from sakuga.web.schemas.library import *  # noqa: F403
from sakuga.web.schemas.projects import *  # noqa: F403
from sakuga.web.schemas.status import *  # noqa: F403
from sakuga.web.schemas.studies import *  # noqa: F403
