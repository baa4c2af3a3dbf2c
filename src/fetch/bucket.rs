//! The door to object storage that speaks S3: one object put, read, listed or removed, signed with the operator's key,
//! within bounds of time. Takes keys below the configured prefix; what the storage says on refusing is one line of text
//! and holds no secret.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::TryStreamExt;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpRequest, HttpResponse, HttpService,
};
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, ClientOptions, Error, ObjectMeta, ObjectStore, ObjectStoreExt,
    PutOptions, PutPayload, RetryConfig,
};
use reqwest::{Client, redirect, retry};

use crate::config::BucketConfig;

/// A request that the storage could not answer for the moment is repeated this often, after rests that grow fourfold, and
/// not when it took so long.
const RETRIES: usize = 2;
const FIRST_REST: Duration = Duration::from_millis(100);
const RETRY_WITHIN: Duration = Duration::from_secs(10);

/// Of what a storage says about a failure.
const MOST_CHARS: usize = 240;

/// Bytes with the headers that they are handed out with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// The bytes.
    pub bytes: Bytes,
    /// `Content-Type`.
    pub content_type: String,
    /// `Content-Encoding`.
    pub content_encoding: Option<String>,
    /// `Cache-Control`.
    pub cache_control: String,
}

/// Why the storage did not do it, on one line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BucketFault(String);

/// A bucket, or what lies below a prefix in it.
#[derive(Debug)]
pub struct Bucket {
    storage: AmazonS3,
    prefix: String,
}

impl Bucket {
    /// A bucket as the config has it; nothing is asked yet.
    ///
    /// # Errors
    /// When no client can be built.
    pub fn open(config: &BucketConfig) -> Result<Self, BucketFault> {
        // The library's own repeating tells the log of each try.
        let retry = RetryConfig {
            max_retries: 0,
            ..RetryConfig::default()
        };
        let endpoint = config.endpoint.as_ref();
        let direct = Direct {
            timeout: config.timeout,
            plain: endpoint.is_some_and(|endpoint| endpoint.scheme() == "http"),
        };
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&config.name)
            .with_region(&config.region)
            .with_access_key_id(&config.access_key)
            .with_secret_access_key(config.secret_key.reveal())
            .with_retry(retry)
            .with_allow_http(direct.plain)
            .with_disable_bulk_delete(true)
            .with_http_connector(direct);
        if let Some(endpoint) = endpoint {
            builder = builder.with_endpoint(endpoint.as_str().trim_end_matches('/'));
        }
        Ok(Self {
            storage: builder.build().map_err(fault)?,
            prefix: config.prefix.clone(),
        })
    }

    /// Puts an object in its place, whole or not at all.
    ///
    /// # Errors
    /// The storage's.
    pub async fn put(&self, key: &str, object: Object) -> Result<(), BucketFault> {
        let mut attributes = Attributes::new();
        attributes.insert(Attribute::ContentType, object.content_type.into());
        attributes.insert(Attribute::CacheControl, object.cache_control.into());
        if let Some(coding) = object.content_encoding {
            attributes.insert(Attribute::ContentEncoding, coding.into());
        }
        let payload = PutPayload::from_bytes(object.bytes);
        let (options, path) = (PutOptions::from(attributes), self.path(key)?);
        let put = self.storage.put_opts(&path, payload, options);
        put.await.map(|_| ()).map_err(fault)
    }

    /// An object, if it is there.
    ///
    /// # Errors
    /// The storage's.
    pub async fn get(&self, key: &str) -> Result<Option<Object>, BucketFault> {
        let path = self.path(key)?;
        match object(&self.storage, &path).await {
            Err(Error::NotFound { .. }) => Ok(None),
            found => found.map(Some).map_err(fault),
        }
    }

    /// Keys of all objects.
    ///
    /// # Errors
    /// The storage's.
    pub async fn keys(&self) -> Result<BTreeSet<String>, BucketFault> {
        let prefix = (!self.prefix.is_empty()).then(|| Path::parse(&self.prefix));
        let prefix = prefix.transpose().map_err(|error| fault(error.into()))?;
        let below = |path: &str| {
            let inside = path.strip_prefix(self.prefix.as_str())?;
            Some(inside.trim_start_matches('/').to_owned())
        };
        let key = |object: ObjectMeta| std::future::ready(Ok(below(object.location.as_ref())));
        let objects = self.storage.list(prefix.as_ref());
        objects
            .try_filter_map(key)
            .try_collect()
            .await
            .map_err(fault)
    }

    /// Removes an object; one that is not there is removed already.
    ///
    /// # Errors
    /// The storage's.
    pub async fn remove(&self, key: &str) -> Result<(), BucketFault> {
        let path = self.path(key)?;
        match self.storage.delete(&path).await {
            Err(Error::NotFound { .. }) => Ok(()),
            removed => removed.map_err(fault),
        }
    }

    fn path(&self, key: &str) -> Result<Path, BucketFault> {
        let whole = match self.prefix.as_str() {
            "" => key.to_owned(),
            prefix => format!("{prefix}/{key}"),
        };
        Path::parse(whole).map_err(|error| fault(error.into()))
    }
}

async fn object(storage: &AmazonS3, path: &Path) -> object_store::Result<Object> {
    let found = storage.get(path).await?;
    let said = |attribute: &Attribute| found.attributes.get(attribute).map(|v| v.to_string());
    let (kind, coding, keep) = (
        said(&Attribute::ContentType),
        said(&Attribute::ContentEncoding),
        said(&Attribute::CacheControl),
    );
    Ok(Object {
        bytes: found.bytes().await?,
        content_type: kind.unwrap_or_default(),
        content_encoding: coding,
        cache_control: keep.unwrap_or_default(),
    })
}

/// Straight to the storage: no proxy of the environment, no redirect that would take the signature elsewhere.
#[derive(Debug)]
struct Direct {
    timeout: Duration,
    /// The operator's own storage, without TLS.
    plain: bool,
}

impl HttpConnector for Direct {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        let client = Client::builder()
            .user_agent(concat!("feedmill/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .referer(false)
            .retry(retry::never())
            .no_proxy()
            .https_only(!self.plain)
            .connect_timeout(self.timeout)
            .timeout(self.timeout)
            .build();
        let client = client.map_err(|error| Error::Generic {
            store: "S3",
            source: Box::new(error),
        })?;
        Ok(HttpClient::new(Patient(client)))
    }
}

/// Asks again where the failure may pass.
#[derive(Debug)]
struct Patient(Client);

impl HttpService for Patient {
    fn call<'a, 'b>(
        &'a self,
        request: HttpRequest,
    ) -> Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'b>>
    where
        'a: 'b,
        Self: 'b,
    {
        Box::pin(async move {
            let (begun, mut rest) = (Instant::now(), FIRST_REST);
            for _ in 0..RETRIES {
                let answer = self.0.call(request.clone()).await;
                let passes = answer
                    .as_ref()
                    .map_or(true, |answer| may_pass(answer.status().as_u16()));
                if !passes || begun.elapsed() >= RETRY_WITHIN {
                    return answer;
                }
                tokio::time::sleep(rest).await;
                rest *= 4;
            }
            self.0.call(request).await
        })
    }
}

/// The storage's trouble, not ours.
fn may_pass(status: u16) -> bool {
    status == 429 || status >= 500
}

/// The chain of causes on one line; of a document that explains a refusal, only its code.
fn fault(error: Error) -> BucketFault {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        let more = inner.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = inner.source();
    }
    let code = text
        .split_once("<Code>")
        .and_then(|(_, rest)| rest.split_once("</Code>"))
        .map(|(code, _)| format!(" ({code})"));
    let told = text.split("<?xml").next().unwrap_or_default();
    let told = told.split("<Error").next().unwrap_or_default();
    // Before the dash stand the request and how long it took.
    let told = told.rsplit(" - ").next().unwrap_or_default();
    let told = told.trim_end_matches([':', ' ', '\n']);
    let line = format!("{told}{}", code.unwrap_or_default());
    let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    BucketFault(line.chars().take(MOST_CHARS).collect())
}
