"""Names and streets that patients and clinicians of the simulated network are given. Made up by combination."""

from __future__ import annotations

# fmt: off
FIRST_NAMES: dict[str, tuple[str, ...]] = {
    "F": (
        "Mary", "Patricia", "Linda", "Barbara", "Susan", "Margaret", "Dorothy", "Carol", "Ruth", "Sharon", "Deborah",
        "Donna", "Nancy", "Karen", "Betty", "Helen", "Sandra", "Ashley", "Emily", "Sarah", "Jessica", "Amanda",
        "Melissa", "Stephanie", "Rebecca", "Laura", "Maria", "Carmen", "Rosa", "Guadalupe", "Mei", "Ling", "Priya",
        "Aisha", "Fatima", "Nia", "Imani", "Keisha", "Latoya", "Ingrid", "Olga", "Svetlana", "Nadia", "Yolanda",
        "Esperanza", "Hannah", "Olivia", "Emma", "Sophia", "Isabella", "Grace", "Chloe", "Zoe", "Lily", "Abigail",
        "Naomi", "Esther", "Judith", "Marjorie", "Eloise",
    ),
    "M": (
        "James", "Robert", "John", "Michael", "William", "David", "Richard", "Joseph", "Thomas", "Charles",
        "Christopher", "Daniel", "Matthew", "Anthony", "Mark", "Donald", "Steven", "Paul", "Andrew", "Joshua",
        "Kenneth", "Kevin", "Brian", "George", "Edward", "Ronald", "Timothy", "Jason", "Jeffrey", "Ryan", "Jacob",
        "Gary", "Nicholas", "Eric", "Jonathan", "Jose", "Luis", "Carlos", "Miguel", "Juan", "Wei", "Hiroshi", "Raj",
        "Arjun", "Omar", "Hassan", "Malik", "DeShawn", "Tyrone", "Igor", "Dmitri", "Ivan", "Ethan", "Noah", "Liam",
        "Mason", "Elijah", "Lucas", "Walter", "Harold", "Eugene", "Clarence",
    ),
}
#: what people are called at a desk instead of the name on their papers
NICKNAMES: dict[str, tuple[str, ...]] = {
    "Patricia": ("Pat", "Patty", "Tricia"), "Barbara": ("Barb",), "Susan": ("Sue", "Susie"),
    "Margaret": ("Maggie", "Peggy", "Meg"), "Dorothy": ("Dot", "Dottie"), "Carol": ("Carrie",),
    "Deborah": ("Deb", "Debbie"), "Nancy": ("Nan",), "Sandra": ("Sandy",), "Emily": ("Em", "Emmy"),
    "Jessica": ("Jess", "Jessie"), "Amanda": ("Mandy",), "Melissa": ("Missy",), "Stephanie": ("Steph",),
    "Rebecca": ("Becky", "Becca"), "Abigail": ("Abby",), "Isabella": ("Bella", "Izzy"), "Judith": ("Judy",),
    "Esperanza": ("Espe",), "Guadalupe": ("Lupe",), "James": ("Jim", "Jimmy"), "Robert": ("Bob", "Rob", "Bobby"),
    "John": ("Jack", "Johnny"), "Michael": ("Mike", "Mickey"), "William": ("Bill", "Will", "Billy"),
    "David": ("Dave",), "Richard": ("Dick", "Rick", "Rich"), "Joseph": ("Joe", "Joey"), "Thomas": ("Tom", "Tommy"),
    "Charles": ("Chuck", "Charlie"), "Christopher": ("Chris",), "Daniel": ("Dan", "Danny"), "Matthew": ("Matt",),
    "Anthony": ("Tony",), "Donald": ("Don",), "Steven": ("Steve",), "Andrew": ("Andy", "Drew"), "Joshua": ("Josh",),
    "Kenneth": ("Ken", "Kenny"), "Edward": ("Ed", "Ted", "Eddie"), "Ronald": ("Ron",), "Timothy": ("Tim",),
    "Jeffrey": ("Jeff",), "Jacob": ("Jake",), "Nicholas": ("Nick",), "Jonathan": ("Jon",), "Jose": ("Pepe",),
    "Walter": ("Walt",), "Eugene": ("Gene",), "Harold": ("Hal", "Harry"),
}
LAST_NAMES = (
    "Smith", "Johnson", "Williams", "Brown", "Jones", "Garcia", "Miller", "Davis", "Rodriguez", "Martinez",
    "Hernandez", "Lopez", "Gonzalez", "Wilson", "Anderson", "Thomas", "Taylor", "Moore", "Jackson", "Martin", "Lee",
    "Perez", "Thompson", "White", "Harris", "Sanchez", "Clark", "Ramirez", "Lewis", "Robinson", "Walker", "Young",
    "Allen", "King", "Wright", "Scott", "Torres", "Nguyen", "Hill", "Flores", "Green", "Adams", "Nelson", "Baker",
    "Hall", "Rivera", "Campbell", "Mitchell", "Carter", "Roberts", "Gomez", "Phillips", "Evans", "Turner", "Diaz",
    "Parker", "Cruz", "Edwards", "Collins", "Reyes", "Stewart", "Morris", "Morales", "Murphy", "Cook", "Rogers",
    "Gutierrez", "Ortiz", "Morgan", "Cooper", "Peterson", "Bailey", "Reed", "Kelly", "Howard", "Ramos", "Kim", "Cox",
    "Ward", "Richardson", "Watson", "Brooks", "Chavez", "Wood", "James", "Bennett", "Gray", "Mendoza", "Ruiz",
    "Hughes", "Price", "Alvarez", "Castillo", "Sanders", "Patel", "Myers", "Long", "Ross", "Foster", "Jimenez",
    "Powell", "Jenkins", "Perry", "Russell", "Sullivan", "Bell", "Coleman", "Butler", "Henderson", "Barnes", "Fisher",
    "Vasquez", "Simmons", "Romero", "Jordan", "Patterson", "Alexander", "Hamilton", "Graham", "Reynolds", "Kowalski",
    "Petrov", "Okafor", "Haddad", "Yamamoto", "Lindqvist", "O'Brien", "McAllister", "Delacroix", "Vandermeer",
    "Szymanski", "Abernathy", "Whitcomb", "Osei", "Tran", "Pham", "Singh",
)
STREETS = (
    "Maple", "Oak", "Cedar", "Elm", "Washington", "Lake", "Hill", "Walnut", "Spring", "North", "Ridge", "Church",
    "Willow", "Mill", "Sunset", "Railroad", "Jefferson", "Center", "Highland", "Forest", "River", "Meadow",
    "Chestnut", "Prospect", "Franklin", "Orchard",
)
# fmt: on
STREET_KINDS = ("Street", "Avenue", "Road", "Lane", "Court", "Drive")
