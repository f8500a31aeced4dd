"""A shop of 25 tables."""

from datetime import date, datetime
from decimal import Decimal
from enum import Enum

from pydantic import EmailStr
from sqlalchemy import CheckConstraint, Index, MetaData, UniqueConstraint, text
from sqlmodel import Field, SQLModel


class Table(SQLModel):
    metadata = MetaData()


metadata = Table.metadata


def key() -> int | None:
    return Field(default=None, primary_key=True)  # type: ignore[no-any-return]


class OrderStatus(Enum):
    pending = "pending"
    paid = "paid"
    shipped = "shipped"
    delivered = "delivered"
    cancelled = "cancelled"


class Country(Table, table=True):
    code: str = Field(primary_key=True, min_length=2, max_length=2)
    name: str = Field(unique=True, max_length=80)
    currency: str = Field(max_length=3)


class Customer(Table, table=True):
    id: int | None = key()
    email: EmailStr = Field(unique=True, max_length=320)
    first_name: str = Field(max_length=80)
    last_name: str = Field(max_length=80)
    phone: str | None = Field(default=None, max_length=30)
    birth_date: date | None = None
    password_hash: str | None = None
    marketing_opt_in: bool = False
    created_at: datetime
    updated_at: datetime


class Address(Table, table=True):
    id: int | None = key()
    customer_id: int = Field(foreign_key="customer.id", index=True)
    recipient_name: str = Field(max_length=120)
    line1: str = Field(max_length=120)
    line2: str | None = Field(default=None, max_length=120)
    city: str = Field(max_length=80)
    postal_code: str = Field(max_length=12)
    country_code: str = Field(foreign_key="country.code")
    is_default: bool = False
    __table_args__ = (Index("one_default_address", "customer_id", unique=True, postgresql_where=text("is_default")),)


class Brand(Table, table=True):
    id: int | None = key()
    name: str = Field(unique=True, max_length=80)
    slug: str = Field(unique=True, max_length=80)
    website: str | None = None


class Category(Table, table=True):
    id: int | None = key()
    parent_id: int | None = Field(default=None, foreign_key="category.id")
    name: str = Field(max_length=80)
    slug: str = Field(unique=True, max_length=80)
    position: int = Field(ge=0)


class Product(Table, table=True):
    id: int | None = key()
    brand_id: int = Field(foreign_key="brand.id")
    category_id: int = Field(foreign_key="category.id")
    name: str = Field(max_length=120)
    slug: str = Field(unique=True, max_length=120)
    description: str | None = None
    price: Decimal = Field(max_digits=10, decimal_places=2, gt=0)
    sale_price: Decimal | None = Field(default=None, max_digits=10, decimal_places=2)
    currency: str = Field(max_length=3)
    is_published: bool = True
    published_at: datetime | None = None
    created_at: datetime
    updated_at: datetime
    __table_args__ = (CheckConstraint("sale_price IS NULL OR sale_price < price", name="sale_is_cheaper"),)


class Variant(Table, table=True):
    id: int | None = key()
    product_id: int = Field(foreign_key="product.id", index=True)
    sku: str = Field(unique=True, max_length=20)
    color: str | None = Field(default=None, max_length=20)
    size: str | None = Field(default=None, max_length=10)
    barcode: str | None = Field(default=None, max_length=13)
    weight_grams: int = Field(gt=0)
    price: Decimal = Field(max_digits=10, decimal_places=2, gt=0)


class ProductImage(Table, table=True):
    id: int | None = key()
    product_id: int = Field(foreign_key="product.id")
    url: str
    alt_text: str | None = Field(default=None, max_length=200)
    position: int
    __table_args__ = (UniqueConstraint("product_id", "position"),)


class Tag(Table, table=True):
    id: int | None = key()
    name: str = Field(unique=True, max_length=30)


class ProductTag(Table, table=True):
    product_id: int = Field(primary_key=True, foreign_key="product.id")
    tag_id: int = Field(primary_key=True, foreign_key="tag.id")


class Supplier(Table, table=True):
    id: int | None = key()
    company_name: str = Field(max_length=120)
    contact_name: str = Field(max_length=120)
    email: EmailStr
    phone: str
    vat_number: str | None = Field(default=None, max_length=14)


class Warehouse(Table, table=True):
    id: int | None = key()
    code: str = Field(unique=True, max_length=8)
    name: str
    city: str
    latitude: float
    longitude: float


class Stock(Table, table=True):
    warehouse_id: int = Field(primary_key=True, foreign_key="warehouse.id")
    variant_id: int = Field(primary_key=True, foreign_key="variant.id")
    quantity: int = Field(ge=0)
    reserved: int = Field(ge=0)
    __table_args__ = (CheckConstraint("reserved <= quantity", name="reserved_is_there"),)


class PurchaseOrder(Table, table=True):
    id: int | None = key()
    supplier_id: int = Field(foreign_key="supplier.id")
    warehouse_id: int = Field(foreign_key="warehouse.id")
    reference: str = Field(unique=True, max_length=20)
    ordered_on: date
    expected_on: date | None = None
    notes: str | None = None
    __table_args__ = (CheckConstraint("expected_on IS NULL OR expected_on >= ordered_on", name="comes_after"),)


class Coupon(Table, table=True):
    id: int | None = key()
    code: str = Field(unique=True, max_length=16)
    discount_percent: int = Field(ge=5, le=50)
    starts_at: datetime
    ends_at: datetime
    max_uses: int | None = Field(default=None, ge=1)
    __table_args__ = (CheckConstraint("ends_at > starts_at", name="runs_forward"),)


class Cart(Table, table=True):
    id: int | None = key()
    customer_id: int = Field(foreign_key="customer.id", unique=True)
    created_at: datetime
    updated_at: datetime


class CartItem(Table, table=True):
    cart_id: int = Field(primary_key=True, foreign_key="cart.id")
    variant_id: int = Field(primary_key=True, foreign_key="variant.id")
    quantity: int = Field(gt=0)


class Order(Table, table=True):
    id: int | None = key()
    number: str = Field(unique=True, max_length=16)
    customer_id: int = Field(foreign_key="customer.id", index=True)
    coupon_id: int | None = Field(default=None, foreign_key="coupon.id")
    status: OrderStatus
    currency: str = Field(max_length=3)
    subtotal: Decimal = Field(max_digits=10, decimal_places=2)
    shipping_cost: Decimal = Field(max_digits=8, decimal_places=2, ge=0, le=30)
    total: Decimal = Field(max_digits=10, decimal_places=2)
    placed_at: datetime
    shipped_at: datetime | None = None
    created_at: datetime
    updated_at: datetime
    __table_args__ = (
        CheckConstraint("total = subtotal + shipping_cost", name="adds_up"),
        CheckConstraint("status <> 'shipped' OR shipped_at IS NOT NULL", name="shipped_when"),
        CheckConstraint("status NOT IN ('pending', 'paid') OR shipped_at IS NULL", name="not_shipped_yet"),
    )


class OrderItem(Table, table=True):
    id: int | None = key()
    order_id: int = Field(foreign_key="order.id", index=True)
    variant_id: int = Field(foreign_key="variant.id")
    quantity: int = Field(gt=0)
    unit_price: Decimal = Field(max_digits=10, decimal_places=2, ge=0)
    line_total: Decimal = Field(max_digits=12, decimal_places=2)
    __table_args__ = (CheckConstraint("line_total = quantity * unit_price", name="line_adds_up"),)


class Payment(Table, table=True):
    id: int | None = key()
    order_id: int = Field(foreign_key="order.id")
    provider: str = Field(max_length=20)
    method: str = Field(max_length=20)
    amount: Decimal = Field(max_digits=10, decimal_places=2, gt=0)
    transaction_id: str = Field(unique=True, max_length=40)
    paid_at: datetime
    created_at: datetime


class Shipment(Table, table=True):
    id: int | None = key()
    order_id: int = Field(foreign_key="order.id", unique=True)
    warehouse_id: int = Field(foreign_key="warehouse.id")
    carrier: str = Field(max_length=40)
    tracking_number: str | None = Field(default=None, max_length=30)
    shipped_at: datetime
    delivered_at: datetime | None = None
    __table_args__ = (CheckConstraint("delivered_at IS NULL OR delivered_at >= shipped_at", name="arrives_after"),)


class Refund(Table, table=True):
    id: int | None = key()
    payment_id: int = Field(foreign_key="payment.id")
    amount: Decimal = Field(max_digits=10, decimal_places=2, gt=0)
    reason: str | None = None
    created_at: datetime


class Review(Table, table=True):
    id: int | None = key()
    product_id: int = Field(foreign_key="product.id")
    customer_id: int = Field(foreign_key="customer.id")
    rating: int = Field(ge=1, le=5)
    title: str = Field(max_length=120)
    body: str | None = None
    created_at: datetime
    __table_args__ = (UniqueConstraint("product_id", "customer_id"),)


class WishlistItem(Table, table=True):
    customer_id: int = Field(primary_key=True, foreign_key="customer.id")
    product_id: int = Field(primary_key=True, foreign_key="product.id")
    added_at: datetime


class Subscriber(Table, table=True):
    id: int | None = key()
    email: EmailStr = Field(unique=True)
    locale: str = Field(max_length=5)
    source: str | None = Field(default=None, max_length=30)
    confirmed_at: datetime | None = None
    created_at: datetime
