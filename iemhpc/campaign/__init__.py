"""From ``campaign.toml`` to submitted runs: plans, boxes, run folders, submission."""

from iemhpc.campaign.planning import plan_campaign
from iemhpc.campaign.plans import Planned
from iemhpc.campaign.submitting import UNFINISHED, HowToSubmit, submit_campaign
from iemhpc.campaign.summary import CampaignRun, CampaignSummary

__all__ = [
    "UNFINISHED",
    "CampaignRun",
    "CampaignSummary",
    "HowToSubmit",
    "Planned",
    "plan_campaign",
    "submit_campaign",
]
