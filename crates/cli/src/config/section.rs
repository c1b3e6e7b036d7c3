//! The macro that declares a section.

/// Declares the struct of a section and its part of the table.
///
/// A row is `/// description`, `field: Type = "default"`, and options of [`Setting`](super::setting::Setting) such as
/// `.within("1s", "1h")`. Where the type is an `Option`, the default is words: what holds without the setting.
macro_rules! section {
    (
        $(#[doc = $about:literal])+
        $name:literal => $section:ident {
            $(
                $(#[doc = $description:literal])+
                $field:ident: $type:ty = $default:literal $(.$option:ident($($argument:literal),*))*;
            )+
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Clone, Debug)]
        pub(crate) struct $section {
            $(
                $(#[doc = $description])+
                pub(crate) $field: $type,
            )+
        }

        #[expect(non_upper_case_globals, reason = "each setting is named after its field")]
        impl $section {
            $(
                pub(super) const $field: Setting = Setting::new::<$type>(
                    concat!($name, ".", stringify!($field)),
                    if <$type as Field>::ALWAYS { Fallback::Value($default) } else { Fallback::Words($default) },
                    concat!($($description),+).trim_ascii_start(),
                )
                $(.$option($($argument),*))*;
            )+

            pub(super) const SECTION: Section = Section {
                name: $name,
                about: concat!($($about),+).trim_ascii_start(),
                settings: &[$(Self::$field),+],
            };

            /// Reads every setting of the section, also after one that is wrong.
            pub(super) fn read(reader: &mut Reader) -> Result<Self, Reported> {
                $(
                    let $field = <$type as Field>::read(reader, &Self::$field);
                )+
                Ok(Self { $($field: $field?,)+ })
            }

            /// Every value of the section as TOML.
            pub(super) fn values(&self) -> Vec<Option<String>> {
                vec![$(Field::to_toml(&self.$field)),+]
            }
        }
    };
}

pub(super) use section;
