"""Words that names of things, teams and places are put together from; Faker has none that belong together."""

MATERIALS = (
    "Oak", "Linen", "Steel", "Copper", "Wool", "Glass", "Bamboo", "Leather", "Cotton", "Marble", "Walnut", "Ceramic",
    "Silk", "Brass", "Cork", "Rattan", "Velvet", "Granite", "Paper", "Silver", "Pine", "Felt", "Canvas", "Enamel",
    "Small", "Large", "Folding", "Travel", "Classic", "Compact", "Vintage", "Round", "Light", "Slim", "Striped", "Soft",
)  # fmt: skip
THINGS = (
    "chair", "lamp", "kettle", "backpack", "blanket", "vase", "desk", "shelf", "mirror", "basket", "teapot", "cushion",
    "notebook", "clock", "bowl", "stool", "rug", "candle", "bottle", "wallet", "scarf", "jacket", "tray", "pillow",
    "bench", "umbrella", "mug", "plate", "frame", "speaker", "keyboard", "charger", "tripod", "helmet", "glove", "tent",
    "pan", "knife", "curtain", "towel", "cabinet", "ladder", "radio", "watch", "belt", "sweater", "apron", "hammock",
)  # fmt: skip
KINDS = (
    "Northern", "Central", "Silver", "Open", "Blue", "Quiet", "Early", "Hidden", "Bright", "Golden", "Western", "Upper",
    "Green", "Old", "New", "Lower", "Winter", "Summer", "Royal", "Swift", "Coastal", "Inner", "Outer", "Little",
    "Great", "Southern", "Eastern", "Red", "Wild", "Calm", "Young", "Distant",
)  # fmt: skip
NOUNS = (
    "garden", "bridge", "harbor", "river", "market", "forest", "summit", "valley", "meadow", "station", "lantern",
    "compass", "anchor", "orchard", "island", "canyon", "castle", "beacon", "horizon", "cedar", "falcon", "heron",
    "comet", "prairie", "glacier", "willow", "quarry", "mill", "tower", "gate", "square", "terrace", "pier", "grove",
    "ridge", "spring", "delta", "lagoon", "pasture", "tunnel", "signal", "engine", "archive", "studio", "workshop",
    "gallery", "library", "bakery",
)  # fmt: skip
