//! Endpoint rules as data: which URL a service has for a region and its parameters.
//!
//! The tree of botocore's `endpoint-rule-set-1.json` lies flat in three lists that point at
//! each other by index, because bitcode stores no recursive types; equal expressions are kept
//! once. [`crate::endpoint`] evaluates them.

use bitcode::{Decode, Encode};

/// Points at an expression of the same rule set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
pub struct ExprId(pub u32);

/// Points at a variable of the same rule set: a parameter or an assigned value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
pub struct VariableId(pub u32);

/// The rules of one service.
#[derive(Debug, Clone, PartialEq, Default, Encode, Decode)]
pub struct RuleSet<'a> {
    /// What the rules ask for; the first variables, in this order.
    pub parameters: Vec<Parameter<'a>>,
    /// The names of the other variables, which conditions assign.
    pub assigned: Vec<&'a str>,
    /// Every expression; arguments come before the calls that use them.
    pub expressions: Vec<Expr<'a>>,
    /// Every rule, parents directly before their children.
    pub rules: Vec<Rule<'a>>,
}

/// Something the rules ask for.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct Parameter<'a> {
    /// Its name, such as `Region`.
    pub name: &'a str,
    /// Its type.
    pub kind: ParameterKind,
    /// The client setting that fills it, such as `AWS::Region`, or empty.
    pub built_in: &'a str,
    /// Its value when nothing fills it.
    pub default: Option<super::ContextValue<'a>>,
    /// Without it no rule is tried.
    pub required: bool,
}

/// The type of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum ParameterKind {
    /// true or false
    Bool,
    /// a text
    Text,
    /// a list of texts
    TextList,
}

/// One rule: what must hold, and what follows.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct Rule<'a> {
    /// All must hold, in this order.
    pub conditions: Vec<Condition>,
    /// What follows.
    pub outcome: Outcome<'a>,
    /// Index of the first rule after this one and its children.
    pub end: u32,
}

/// Holds unless it is false or nothing.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct Condition {
    /// What is computed.
    pub value: ExprId,
    /// The variable that keeps it.
    pub assign: Option<VariableId>,
}

/// What follows when a rule's conditions hold.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub enum Outcome<'a> {
    /// try the children, the first outcome counts
    Children,
    /// this is the endpoint
    Endpoint(EndpointTemplate<'a>),
    /// there is none, and this text says why
    Error(ExprId),
}

/// An endpoint whose parts are still to be computed.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct EndpointTemplate<'a> {
    /// The URL.
    pub url: ExprId,
    /// Facts for the client, `authSchemes` above all.
    pub properties: Vec<(&'a str, ExprId)>,
    /// Headers to send, each with its values.
    pub headers: Vec<(&'a str, Vec<ExprId>)>,
}

/// Something that has a value.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub enum Expr<'a> {
    /// true or false
    Bool(bool),
    /// a whole number
    Number(i64),
    /// a text
    Text(&'a str),
    /// texts and variables, one after the other
    Template(Vec<Part<'a>>),
    /// a variable
    Variable(VariableId),
    /// a function and its arguments
    Call(Function, Vec<ExprId>),
    /// one part of a value, such as `resourceId[0]`
    Attribute(ExprId, Vec<Step<'a>>),
    /// several values
    List(Vec<ExprId>),
    /// values by name
    Object(Vec<(&'a str, ExprId)>),
}

/// A piece of a template.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub enum Part<'a> {
    /// as it stands
    Text(&'a str),
    /// a variable, and the way into it
    Variable(VariableId, Vec<&'a str>),
}

/// One step into a value.
#[derive(Debug, Clone, Copy, PartialEq, Encode, Decode)]
pub enum Step<'a> {
    /// by name
    Key(&'a str),
    /// by position
    Index(u32),
}

/// The functions that rules call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum Function {
    /// `isSet`
    IsSet,
    /// `not`
    Not,
    /// `booleanEquals`
    BooleanEquals,
    /// `stringEquals`
    StringEquals,
    /// `parseURL`
    ParseUrl,
    /// `substring`
    Substring,
    /// `uriEncode`
    UriEncode,
    /// `isValidHostLabel`
    IsValidHostLabel,
    /// `aws.partition`
    Partition,
    /// `aws.parseArn`
    ParseArn,
    /// `aws.isVirtualHostableS3Bucket`
    IsVirtualHostableS3Bucket,
}
