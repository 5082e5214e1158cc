"""Where the application keeps its parts: one typed key for each."""

import asyncio

from aiohttp import web

from bff.addresses import VisitorAddresses
from bff.assets import Assets
from bff.buyers import Buyers, Notifications
from bff.clients import Bookings, Catalogue, Seats
from bff.csrf import CsrfGuard
from bff.inbox import Inbox
from bff.justmade import JustMade
from bff.live import LiveStreams, SeatFeeds
from bff.pages import Pages, SharedPages
from bff.posters import PosterShelf
from bff.presenters.seatplan import SeatPlans
from bff.sessions import Session, Sessions
from bff.settings import BffSettings
from bff.texts import Texts, TextsByLanguage
from mesh.background import Background
from mesh.clock import Clock

SETTINGS = web.AppKey("settings", BffSettings)
ADDRESSES = web.AppKey("addresses", VisitorAddresses)
ASSETS = web.AppKey("assets", Assets)
BACKGROUND = web.AppKey("background", Background)
BUYERS = web.AppKey("buyers", Buyers)
BOOKINGS = web.AppKey("bookings", Bookings)
CATALOGUE = web.AppKey("catalogue", Catalogue)
CLOCK = web.AppKey("clock", Clock)
CSRF = web.AppKey("csrf", CsrfGuard)
DRAINING = web.AppKey("draining", asyncio.Event)
INBOX = web.AppKey("inbox", Inbox)
JUST_MADE = web.AppKey("just_made", JustMade)
LIVE = web.AppKey("live", LiveStreams)
NOTIFICATIONS = web.AppKey("notifications", Notifications)
PAGES = web.AppKey("pages", Pages)
POSTERS = web.AppKey("posters", PosterShelf)
SEATS = web.AppKey("seats", Seats)
SEAT_PLANS = web.AppKey("seat_plans", SeatPlans)
SEAT_FEEDS = web.AppKey("seat_feeds", SeatFeeds)
SHARED_PAGES = web.AppKey("shared_pages", SharedPages)
SESSIONS = web.AppKey("sessions", Sessions)
TEXTS = web.AppKey("texts", TextsByLanguage)

SESSION = web.RequestKey("session", Session)
VISITOR_TEXTS = web.RequestKey("visitor_texts", Texts)
