"""Words that titles, names and sentences are put together from; Faker has none that belong together."""

WHO = (
    "new customers", "returning customers", "the support team", "guests", "administrators", "large customers",
    "the sales team", "free users", "mobile users", "partners", "the finance team", "resellers", "the night shift",
    "first-time visitors", "the Berlin office", "trial users", "the warehouse team", "external auditors",
)  # fmt: skip
WHEN = (
    "before the release", "after the migration", "by Friday", "before the audit", "once the tests pass",
    "after the holidays", "this quarter", "before the next demo", "by the end of the month", "after the rollout",
    "next sprint", "before the price change", "during the quiet week", "after the training",
)  # fmt: skip
AREAS = (
    "billing", "search", "sign-up", "onboarding", "reporting", "shipping", "inventory", "support", "payroll", "booking",
    "messaging", "analytics", "checkout", "scheduling", "invoicing", "returns", "translation", "monitoring", "sales",
    "procurement", "archive", "newsletter", "hiring", "training",
)  # fmt: skip
SYSTEMS = (
    "portal", "dashboard", "app", "website", "service", "database", "help center", "back office", "intranet",
    "data warehouse", "public API", "mobile app", "call center", "file store", "documentation",
)  # fmt: skip
DO = (
    "Fix", "Update", "Review", "Rewrite", "Test", "Document", "Remove", "Move", "Translate", "Measure", "Replace",
    "Check", "Simplify", "Prepare", "Clean up", "Redesign", "Speed up", "Restore", "Announce", "Split",
)  # fmt: skip
WORK = (
    "login form", "checkout page", "invoice template", "search page", "password reset", "user profile",
    "export to CSV", "welcome mail", "billing report", "image upload", "permissions page", "mobile menu", "audit log",
    "settings page", "calendar view", "price list", "onboarding guide", "rate limiter", "sign-up flow", "backup job",
    "dashboard filter", "mail digest", "contact form", "photo gallery", "time zone handling",
    "session timeout", "data import", "help page", "staging server", "changelog", "shopping cart", "tax table",
    "address check", "status page", "two-factor login", "monthly newsletter", "cookie banner", "download page",
    "error page", "landing page", "label printer", "order history",
)  # fmt: skip
WHERE = (
    "small screens", "staging", "the old site", "slow connections", "tablets", "the intranet", "Safari", "Android",
    "the test server", "the partner portal", "the kiosk",
)  # fmt: skip
COLORS = (
    "moss green", "dark grey", "natural white", "navy blue", "terracotta", "sand", "black", "olive", "burgundy",
    "light blue", "mustard", "charcoal", "cream", "copper", "forest green", "dusty pink",
)  # fmt: skip
STYLES = (
    "Small", "Large", "Simple", "Modern", "Classic", "Compact", "Vintage", "Round", "Light", "Slim", "Striped", "Soft",
    "Sturdy", "Everyday", "Woven", "Polished", "Nordic", "Handmade", "Plain", "Tall",
)  # fmt: skip
WOODS = ("oak", "bamboo", "walnut", "pine", "ash", "beech")
OF_WOOD = (
    "chair", "desk", "shelf", "stool", "bench", "picture frame", "cabinet", "ladder", "tray", "mirror", "clock", "bowl",
    "bed", "chopping board", "bookcase",
)  # fmt: skip
METALS = ("steel", "copper", "brass", "enamel", "aluminium")
OF_METAL = (
    "kettle", "lamp", "teapot", "pan", "mug", "tray", "bottle", "clock", "watering can", "knife", "coat rack",
    "lantern",
    "storage box",
)  # fmt: skip
STONES = ("glass", "ceramic", "marble", "porcelain")
OF_STONE = ("vase", "bowl", "plate", "table lamp", "mug", "teapot", "jar", "candle holder", "soap dish")
CLOTHS = ("linen", "wool", "leather", "cotton", "silk", "velvet", "felt", "canvas")
OF_CLOTH = (
    "backpack", "blanket", "cushion", "rug", "wallet", "scarf", "jacket", "pillow", "curtain", "towel", "belt",
    "sweater", "apron", "hammock", "tablecloth", "bag",
)  # fmt: skip
ROOMS = (
    "Kitchen", "Garden", "Office", "Bedroom", "Bathroom", "Outdoor", "Children's", "Travel", "Balcony", "Hallway",
    "Workshop", "Dining", "Winter", "Camping", "School", "Pet", "Sports", "Picnic",
)  # fmt: skip
GOODS = (
    "furniture", "textiles", "lighting", "tools", "storage", "decoration", "accessories", "tableware", "toys", "books",
    "plants", "electronics", "clothing", "gifts", "cleaning", "spare parts",
)  # fmt: skip
TOPICS = (
    "remote work", "small kitchens", "good coffee", "city cycling", "indoor plants", "home recording", "long hikes",
    "spreadsheets", "code review", "slow cooking", "night photography", "public libraries", "second-hand furniture",
    "baking bread", "train travel", "paper notebooks", "small gardens", "winter running", "board games", "solar power",
    "learning Spanish", "open-plan offices", "morning routines", "old bicycles", "museum visits", "school lunches",
    "water saving", "local news", "weekend trips", "user interviews", "knitting", "pension plans", "choir practice",
    "moving house", "sourdough", "river swimming", "data privacy", "volunteering", "street markets", "bird watching",
)  # fmt: skip
READERS = (
    "beginners", "small teams", "busy people", "families", "students", "people who travel", "first-time buyers",
    "night owls", "managers", "teachers", "freelancers", "patient people", "skeptics", "the curious", "small shops",
    "nonprofits", "newcomers",
)  # fmt: skip
HOW = (
    "in a weekend", "on a small budget", "without losing money", "in ten steps", "step by step", "without a plan",
    "with what you have", "in a small flat", "at any age", "one year later", "from the start", "when time is short",
    "and what comes next", "and how to begin",
)  # fmt: skip
VERDICTS = (
    "Great value", "Exactly as described", "Better than expected", "Less than I hoped", "Well made", "Good choice",
    "A little expensive", "Does its job", "Would buy again", "Too small", "Perfect size", "Solid quality",
    "Nice gift", "Good but not perfect", "Very happy", "Works as it should", "Looks lovely", "Cheaply made",
    "Worth the price", "Just right",
)  # fmt: skip
USES = (
    "every day", "a small flat", "the garden", "the office", "my parents", "long trips", "the kitchen",
    "a student room",
    "the balcony", "two people", "the winter", "a first home", "our guests", "the money", "rainy days", "the hallway",
    "a present", "camping", "the children", "my desk",
)  # fmt: skip
REMARKS = (
    "arrived in two days", "a bit smaller than I thought", "fits perfectly", "came well packed", "delivery was slow",
    "the color is darker than in the picture", "easy to clean", "feels sturdy", "one corner was scratched",
    "support answered quickly", "the instructions are short", "smells a little at first", "lighter than it looks",
    "still fine after a month", "my second one", "the lid is loose", "no complaints", "simple to set up",
)  # fmt: skip
KINDS = (
    "Northern", "Central", "Silver", "Open", "Blue", "Quiet", "Early", "Hidden", "Bright", "Golden", "Western", "Upper",
    "Green", "Old", "New", "Lower", "Winter", "Summer", "Royal", "Swift", "Coastal", "Inner", "Outer", "Little",
    "Great", "Southern", "Eastern", "Red", "Wild", "Calm", "Young", "Distant", "High", "Long", "Clear", "Amber",
)  # fmt: skip
NOUNS = (
    "garden", "bridge", "harbor", "river", "market", "forest", "summit", "valley", "meadow", "station", "lantern",
    "compass", "anchor", "orchard", "island", "canyon", "castle", "beacon", "horizon", "cedar", "falcon", "heron",
    "comet", "prairie", "glacier", "willow", "quarry", "mill", "tower", "gate", "square", "terrace", "pier", "grove",
    "ridge", "spring", "delta", "lagoon", "pasture", "tunnel", "signal", "engine", "archive", "studio", "workshop",
    "gallery", "library", "bakery",
)  # fmt: skip
STEMS = (
    "North", "Bright", "Clear", "Blue", "Stone", "Oak", "River", "Silver", "West", "Green", "Iron", "Maple", "Harbor",
    "Summit", "Cedar", "East", "Copper", "Long", "Fair", "Kings", "Red", "White", "South", "Elm",
)  # fmt: skip
ENDS = (
    "field", "bridge", "lake", "wood", "gate", "mark", "point", "line", "ford", "hill", "way", "port", "brook", "side",
    "stone", "light", "crest", "view", "haven", "works", "well", "land", "dale", "peak",
)  # fmt: skip
TRADES = (
    "Logistics", "Foods", "Textiles", "Energy", "Software", "Instruments", "Furniture", "Paper", "Dental Care",
    "Printing", "Consulting", "Tools", "Books", "Gardens", "Insurance", "Analytics", "Bakery", "Media", "Optics",
    "Bicycles", "Travel", "Chemicals", "Audio", "Kitchens", "Security", "Packaging", "Fashion", "Plastics", "Roofing",
    "Shipping", "Outdoor", "Learning", "Motors", "Ceramics", "Seeds", "Lighting", "Toys", "Partners", "Labs",
)  # fmt: skip
FORMS = ("", "", "", " Ltd", " Inc", " GmbH", " Group", " & Co", " LLC", " AG", " Holding", " SARL")
TAGS = (
    "summer", "gift", "sale", "urgent", "outdoor", "kitchen", "travel", "new", "vegan", "winter", "office", "kids",
    "repair", "archive", "beta", "backend", "design", "mobile", "customer", "legal", "security", "training", "spring",
    "handmade", "local", "reading", "music", "health", "garden", "budget", "photo", "recipe", "weekend", "remote",
)  # fmt: skip
MORE_TAGS = (
    "ideas", "2026", "basics", "picks", "team", "review", "draft", "follow-up", "plan", "bundle", "notes", "guide",
    "request", "question", "test", "extra", "classics", "news",
)  # fmt: skip
WAYS = (
    "Baked", "Grilled", "Spiced", "Slow-cooked", "Roasted", "Creamy", "Quick", "Stuffed", "Smoked", "Crispy", "Light",
    "Grandmother's", "Pickled", "Braised", "Summer", "Winter",
)  # fmt: skip
FOODS = (
    "pumpkin", "tomato", "chickpea", "salmon", "chicken", "mushroom", "lentil", "potato", "beetroot", "spinach",
    "carrot",
    "leek", "bean", "cauliflower", "trout", "fennel", "aubergine", "pepper", "onion", "cabbage", "apple", "pear",
)  # fmt: skip
SIDES = (
    "rice", "herbs", "yoghurt", "walnuts", "lemon", "brown butter", "couscous", "garlic bread", "polenta", "almonds",
    "mustard", "feta", "noodles", "parsley", "ginger", "capers", "honey", "mint", "sesame", "croutons", "chutney",
)  # fmt: skip
