//! A route and what is said of it in the OpenAPI document are one entry, so neither can be without the other.

pub(super) mod content;
pub(super) mod hub;
pub(super) mod machines;
pub(super) mod organizations;
pub(super) mod people;
pub(super) mod undoing;

use std::collections::BTreeMap;

use axum::Router;
use axum::handler::Handler;
use axum::routing::{MethodFilter, on};
use http::StatusCode;
use utoipa::ToSchema;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::path::{HttpMethod, Operation, OperationBuilder, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Ref, Schema, SchemaType, Type};
use utoipa::openapi::{Paths, RefOr, Required};

use super::Api;
use super::problem::Problem;

const JSON: &str = "application/json";
const PROBLEM: &str = "application/problem+json";

/// What the parameters of paths are.
const PARAMETERS: &[(&str, &str)] = &[
    ("account", "A person's name."),
    ("organization", "An organization's name."),
    ("namespace", "A person's or an organization's name, or library."),
    ("team", "A team's name."),
    ("robot", "The part of a robot's name that follows the '+'."),
    ("id", "The id of a token or an invitation, which is no secret."),
    ("rule", "The id of a rule."),
    ("name", "A repository's name. It is the rest of the path, and its slashes stand as they are."),
    ("reference", "A tag or a digest."),
    ("tag", "A tag."),
    ("digest", "A digest."),
    ("entry", "The id of something in the trash."),
    ("repository", "The part of a repository's name that follows the slash."),
];

/// Every route, and what is said of each.
#[derive(Default)]
pub(super) struct Routes {
    pub(super) router: Router<Api>,
    pub(super) paths: Paths,
    pub(super) schemas: BTreeMap<String, RefOr<Schema>>,
}

/// What is said of a route.
pub(super) struct Doc {
    summary: &'static str,
    query: Vec<(&'static str, &'static str)>,
    takes: Option<Shape>,
    gives: Option<Shape>,
    list: bool,
    status: StatusCode,
}

/// A type in the document.
struct Shape {
    name: String,
    schemas: Vec<(String, RefOr<Schema>)>,
}

impl Shape {
    fn of<T: ToSchema>() -> Self {
        let name = T::name().into_owned();
        let mut schemas = vec![(name.clone(), T::schema())];
        T::schemas(&mut schemas);
        Self { name, schemas }
    }
}

/// A route that does what `summary` says, and answers nothing.
pub(super) fn doc(summary: &'static str) -> Doc {
    Doc { summary, query: Vec::new(), takes: None, gives: None, list: false, status: StatusCode::NO_CONTENT }
}

impl Doc {
    /// Its body is a `T`.
    pub(super) fn takes<T: ToSchema>(self) -> Self {
        Self { takes: Some(Shape::of::<T>()), ..self }
    }

    /// It answers a `T`.
    pub(super) fn gives<T: ToSchema>(self) -> Self {
        Self { gives: Some(Shape::of::<T>()), status: StatusCode::OK, ..self }
    }

    /// It makes something, and answers a `T`.
    pub(super) fn makes<T: ToSchema>(self) -> Self {
        Self { status: StatusCode::CREATED, ..self.gives::<T>() }
    }

    /// It answers a page of `T`s.
    pub(super) fn lists<T: ToSchema>(self) -> Self {
        let listed = Self { list: true, ..self.gives::<T>() };
        listed
            .query("limit", "Entries of the page at most: 1 to 500, by default 100.")
            .query("after", "What the page comes after.")
    }

    /// It answers a list of `T`s that is always whole.
    pub(super) fn lists_whole<T: ToSchema>(self) -> Self {
        Self { list: true, ..self.gives::<T>() }
    }

    /// It takes this parameter.
    pub(super) fn query(mut self, name: &'static str, what: &'static str) -> Self {
        self.query.push((name, what));
        self
    }
}

impl Routes {
    pub(super) fn get<T: 'static>(self, path: &str, handler: impl Handler<T, Api>, doc: Doc) -> Self {
        self.add(MethodFilter::GET, HttpMethod::Get, path, handler, doc)
    }

    pub(super) fn post<T: 'static>(self, path: &str, handler: impl Handler<T, Api>, doc: Doc) -> Self {
        self.add(MethodFilter::POST, HttpMethod::Post, path, handler, doc)
    }

    pub(super) fn put<T: 'static>(self, path: &str, handler: impl Handler<T, Api>, doc: Doc) -> Self {
        self.add(MethodFilter::PUT, HttpMethod::Put, path, handler, doc)
    }

    pub(super) fn patch<T: 'static>(self, path: &str, handler: impl Handler<T, Api>, doc: Doc) -> Self {
        self.add(MethodFilter::PATCH, HttpMethod::Patch, path, handler, doc)
    }

    pub(super) fn delete<T: 'static>(self, path: &str, handler: impl Handler<T, Api>, doc: Doc) -> Self {
        self.add(MethodFilter::DELETE, HttpMethod::Delete, path, handler, doc)
    }

    fn add<H, T>(mut self, filter: MethodFilter, method: HttpMethod, path: &str, handler: H, doc: Doc) -> Self
    where
        H: Handler<T, Api>,
        T: 'static,
    {
        self.router = self.router.route(path, on(filter, handler));
        // With a slash at its end it is another spelling of the same.
        if !path.ends_with('/') {
            let operation = doc.operation(&operation_id(std::any::type_name::<H>()), path);
            self.schemas.extend(doc.takes.into_iter().chain(doc.gives).flat_map(|shape| shape.schemas));
            // A wildcard is a parameter like others to who reads.
            self.paths.add_path_operation(path.replace("{*", "{"), vec![method], operation);
        }
        self
    }
}

/// The handler's file and name, which no two share.
fn operation_id(handler: &str) -> String {
    let mut parts = handler.rsplit("::");
    let (name, file) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    format!("{file}.{name}")
}

impl Doc {
    fn operation(&self, id: &str, path: &str) -> Operation {
        let mut operation =
            OperationBuilder::new().summary(Some(self.summary)).operation_id(Some(id)).tag(tag(path).to_owned());
        for name in path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
            let name = name.trim_start_matches('*');
            let what = PARAMETERS.iter().find(|(known, _)| *known == name).map(|(_, what)| *what);
            operation = operation.parameter(parameter(name, ParameterIn::Path, what));
        }
        for (name, what) in &self.query {
            operation = operation.parameter(parameter(name, ParameterIn::Query, Some(what)));
        }
        if let Some(shape) = &self.takes {
            let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(&shape.name))).build();
            let body = RequestBodyBuilder::new().content(JSON, content).required(Some(Required::True));
            operation = operation.request_body(Some(body.build()));
        }
        let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name(Problem::name()))).build();
        let problem = ResponseBuilder::new().description("What is wrong").content(PROBLEM, problem);
        operation.response(self.status.as_str(), self.answer()).response("default", problem).build()
    }

    fn answer(&self) -> ResponseBuilder {
        let response = ResponseBuilder::new().description(self.status.canonical_reason().unwrap_or_default());
        let Some(shape) = &self.gives else { return response };
        let one = Ref::from_schema_name(&shape.name);
        let content = match self.list {
            false => ContentBuilder::new().schema(Some(one)),
            true => ContentBuilder::new().schema(Some(page_of(one))),
        };
        response.content(JSON, content.build())
    }
}

fn page_of(one: Ref) -> ObjectBuilder {
    let next = ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::String))
        .description(Some("Where the next page is; absent on the last."));
    ObjectBuilder::new().property("items", ArrayBuilder::new().items(one)).required("items").property("next", next)
}

fn parameter(name: &str, place: ParameterIn, what: Option<&str>) -> ParameterBuilder {
    let required = if matches!(place, ParameterIn::Path) { Required::True } else { Required::False };
    let text = ObjectBuilder::new().schema_type(SchemaType::Type(Type::String));
    ParameterBuilder::new().name(name).parameter_in(place).required(required).description(what).schema(Some(text))
}

/// The part of the API to which a path belongs.
fn tag(path: &str) -> &str {
    match path.strip_prefix("/api/v1/") {
        Some(rest) => rest.split('/').next().unwrap_or_default(),
        None => "docker hub",
    }
}
